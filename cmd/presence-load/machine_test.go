package main

import (
	"testing"
	"time"
)

func TestMachine(t *testing.T) {
	const stat = "cpu  100 1 20 5000 300 4 5 6 70 80\ncpu0 1 2 3\n"
	if busy, stolen := busyTime([]byte(stat)); busy != 1300*time.Millisecond || stolen != 60*time.Millisecond {
		t.Errorf("busy %v, stolen %v, want 1.3s and 60ms", busy, stolen)
	}
	if busy, stolen := busyTime([]byte("cpu x")); busy != 0 || stolen != 0 {
		t.Errorf("busy %v, stolen %v of nonsense", busy, stolen)
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
