package transport

import (
	"strings"
	"testing"
	"testing/synctest"
)

// level is a receive buffer of 1,000 bytes.
type level int

func (l *level) filled() (used, size int) { return int(*l), 1000 }

// Under pressure requests are dropped unread, and answers never.
func TestSheddingKeepsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		var used level
		b, f, _ := fakeBatch(func(data []byte, _ func(string) error) { got = append(got, string(data)) })
		b.pressure.buffer = &used
		go b.read()
		full := make([]string, batchSize)
		for i := range full {
			full[i] = "MESSAGE sip:a SIP/2.0"
		}
		full[7] = "SIP/2.0 200 OK"
		for _, step := range []struct {
			name string
			used level
			read []string
			want int
		}{
			{"half full", 500, full, batchSize},
			{"three quarters", 760, full, 1},
			{"somewhat less", 700, full, 1},
			{"room enough", 600, full, batchSize},
			{"more again", 700, full, batchSize},
			{"nearly full", 990, full, 1},
			{"nothing more waits", 990, full[:batchSize-1], batchSize - 1},
		} {
			got, used = nil, step.used
			f.reads <- step.read
			synctest.Wait()
			if len(got) != step.want || !strings.Contains(strings.Join(got, "\n"), "200 OK") {
				t.Errorf("%s: %d received, want %d", step.name, len(got), step.want)
			}
		}
		if shed := b.s.t.stats.DatagramsShed.Load(); shed != 3*(batchSize-1) {
			t.Error(shed, "shed")
		}
		full[7] = full[0]
		used = 990
		for i := range longestSilence + 1 { // no answers to protect
			got = nil
			f.reads <- full
			synctest.Wait()
			if sheds := len(got) == 0; sheds != (i < longestSilence) {
				t.Errorf("batch %d without an answer: shed %t", i, sheds)
			}
		}
		close(f.reads)
	})
}
