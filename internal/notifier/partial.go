package notifier

// rare is what few subscriptions have: those to a Partial state, and pending
// ones.
type rare struct {
	told    State   // what the watcher is known to have; nil: nothing
	telling State   // what the NOTIFY in flight tells
	giveUp  instant // when a pending one ends undecided; 0: not pending
}

// hash is that of what the topic's state, which must be there, shows to s.
func (s *subscription) hash() uint64 {
	view := s.decision().View
	if partial, ok := s.partial(); ok {
		return partial.Hash(view)
	}
	return s.topic.state.Body(view).Hash
}

// hashOf is the hash of a state's view.
func hashOf(state State, view string) uint64 {
	if partial, ok := state.(Partial); ok {
		return partial.Hash(view)
	}
	return state.Body(view).Hash
}

func (s *subscription) partial() (Partial, bool) {
	if !s.topic.partial {
		return nil, false
	}
	return s.topic.state.(Partial), true
}

// document is the body of the NOTIFY number s.cseq.
func (s *subscription) document() Body {
	view := s.decision().View
	partial, ok := s.partial()
	if !ok {
		return s.topic.state.Body(view)
	}
	var since State
	if s.rare != nil {
		since = s.told
	}
	return partial.Document(view, since, s.cseq)
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
