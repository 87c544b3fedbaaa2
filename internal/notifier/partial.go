package notifier

// rare is what few subscriptions have: those to a Partial state, and pending
// ones.
type rare struct {
	told    State   // what the watcher is known to have; nil: nothing
	telling State   // what the NOTIFY in flight tells
	giveUp  instant // when a pending one ends undecided; 0: not pending
}

// hash is that of what the topic's state, which must be there, shows in a view.
func (t *topic) hash(view string) uint64 {
	if t.partial {
		return t.state.(Partial).Hash(view)
	}
	return t.state.Body(view).Hash
}

// hashOf is that of a state that is no topic's yet.
func hashOf(state State, view string) uint64 {
	if partial, ok := state.(Partial); ok {
		return partial.Hash(view)
	}
	return state.Body(view).Hash
}

// document is the body of the NOTIFY number s.cseq.
func (s *subscription) document() Body {
	t, view := s.topic, s.decision().View
	if !t.partial {
		return t.state.Body(view)
	}
	var since State
	if s.rare != nil {
		since = s.told
	}
	return t.state.(Partial).Document(view, since, s.cseq)
}

// tells notes what the NOTIFY that leaves now tells.
func (s *subscription) tells() {
	if !s.topic.partial {
		return
	}
	if s.rare == nil {
		s.rare = new(rare)
	}
	s.telling = s.topic.state
}

// learns takes the outcome of the NOTIFY in flight: where it is not known to
// have arrived, the next one tells full state.
func (s *subscription) learns(o outcome) {
	if s.rare == nil {
		return
	}
	s.told = nil
	if o >= 200 && o < 300 {
		s.told = s.telling
	}
	s.telling = nil
}
