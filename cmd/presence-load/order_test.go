package main

import "testing"

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name  string
		cseqs []uint32
		want  []arrival
	}{
		{"in order, with gaps", []uint32{5, 6, 9, 200, 1000}, []arrival{fresh, fresh, fresh, fresh, fresh}},
		{"again", []uint32{1, 1, 2, 1, 2}, []arrival{fresh, repeated, fresh, repeated, repeated}},
		{"too late", []uint32{7, 9, 8, 8, 9}, []arrival{fresh, fresh, late, repeated, repeated}},
		{"older than the window", []uint32{1, 100, 1}, []arrival{fresh, fresh, repeated}},
		{"the edge of the window", []uint32{1, 64, 1, 2}, []arrival{fresh, fresh, repeated, late}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o order
			for i, cseq := range c.cseqs {
				if got := o.arrive(cseq); got != c.want[i] {
					t.Errorf("number %d, CSeq %d: %d, want %d", i, cseq, got, c.want[i])
				}
			}
		})
	}
}

func TestQueue(t *testing.T) {
	var q queue
	for i := range int64(10_000) {
		q.push(deadline{at: i, task: int32(i)})
	}
	for i := range int64(9_000) {
		if d, due := q.pop(8_999); !due || d.at != i {
			t.Fatalf("%d: %v %v", i, d, due)
		}
	}
	if _, due := q.pop(8_999); due {
		t.Error("a deadline came too early")
	}
	if at := q.next(func(d deadline) bool { return d.at < 9_500 }); at != 9_500 {
		t.Errorf("next is %d", at)
	}
	if at := q.next(func(deadline) bool { return true }); at != never {
		t.Errorf("next is %d where all are void", at)
	}
}

func TestTasks(t *testing.T) {
	var ts tasks
	id, task := ts.take()
	task.state, task.generation = asked, 3
	stamp := stampOf(id, task)
	if got, _ := ts.of(stamp); got != id {
		t.Error("a task is not found by its stamp")
	}
	ts.release(id)
	if _, found := ts.of(stamp); found != nil {
		t.Error("a task that ended is found")
	}
	again, task := ts.take()
	task.state = asked
	if _, found := ts.of(stamp); again != id || found != nil {
		t.Error("a task is found by its predecessor's stamp")
	}
	if _, found := ts.of(99 << 32); found != nil {
		t.Error("a task is found that never was")
	}
}

func TestWorldCountsWhoIsMissing(t *testing.T) {
	w := world{strings: map[string]string{}}
	first, second := w.subscribe(0, 1), w.subscribe(0, 2)
	w.activate(&w.subs[first])
	w.activate(&w.subs[second])
	p := &w.principals[0]
	p.state, p.accepted, p.remaining = 1, 1, p.watchers
	if p.watchers != 2 || w.missing() != 2 {
		t.Fatalf("%d watchers, %d missing", p.watchers, w.missing())
	}
	w.subs[first].seen, p.remaining = 1, 1
	if w.missing() != 1 {
		t.Errorf("%d missing, want 1", w.missing())
	}
	if !w.end(second) || p.remaining != 0 || w.missing() != 0 || w.active != 1 {
		t.Errorf("%+v", p)
	}
	w.die(&w.subs[first])
	if p.watchers != 0 {
		t.Error("a dead watcher counts")
	}
}
