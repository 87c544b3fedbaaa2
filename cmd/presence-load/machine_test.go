package main

import (
	"testing"
	"time"
)

func TestMachine(t *testing.T) {
	const stat = "cpu  100 1 20 5000 300 4 5 6 70 80\ncpu0 1 2 3\n"
	if got := busyTime([]byte(stat)); got != 1360*time.Millisecond {
		t.Errorf("busy %v, want 1.36s", got)
	}
	if got := busyTime([]byte("cpu x")); got != 0 {
		t.Errorf("busy %v of nonsense", got)
	}
	const udp = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n" +
		"  570: 0100007F:3AD4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 266516 2 00000000e00fd787 17\n" +
		"  571: 0100007F:3AD4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 266516 2 00000000e00fd787 3\n"
	drops := map[int]int{}
	addDrops(drops, []byte(udp))
	if drops[15060] != 20 || len(drops) != 1 {
		t.Errorf("drops %v, want 20 at 15060", drops)
	}
}
