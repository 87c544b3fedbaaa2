package notifier

// rare is what few subscriptions have: those that are told what is new in a
// Partial state, those with terms of their own, and pending ones.
type rare struct {
	told     State   // what the watcher is known to have; nil: nothing
	telling  State   // what the NOTIFY in flight tells
	giveUp   instant // when a pending one ends undecided; 0: not pending
	bodiless uint32  // NOTIFYs without a document

	terms   *terms   // nil: those of a plain subscription
	given   uint64   // hash of what the watcher has said it has; 0: nothing, or not any more
	blind   bool     // the last NOTIFY had no body, of what the watcher has never had
	shown   State    // by which the last NOTIFY was made; nil where no trigger asks
	last    instant  // when the last NOTIFY left, where a rate asks
	left    bool     // one has
	history *history // where an adaptive rate asks
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

// isPartial says whether s is told what is new.
func (s *subscription) isPartial() bool {
	if !s.topic.partial {
		return false
	}
	t := s.termsOf()
	return s.topic.pkg.offers.Partial == "" || t != nil && t.partial
}

// document is the body of the NOTIFY number s.cseq.
func (s *subscription) document() Body {
	t, view := s.topic, s.decision().View
	if !s.isPartial() {
		return t.state.Body(view)
	}
	if s.rare == nil {
		return t.state.(Partial).Document(view, nil, s.cseq)
	}
	return t.state.(Partial).Document(view, s.told, s.cseq-s.bodiless)
}

// tells notes what the NOTIFY that leaves now tells: whether it has a body, and
// the signature of its state.
func (s *subscription) tells(body bool, signature uint64) {
	s.sent = signature
	suppressed := false
	if s.rare != nil {
		hash := s.topic.hash(s.decision().View)
		suppressed = s.suppresses(hash)
		s.blind = suppressed && s.given != hash
		if !suppressed {
			s.given = 0
		}
		if s.shown = nil; s.triggers() != nil {
			s.shown = s.topic.state
		}
	}
	if !s.isPartial() {
		return
	}
	r := s.rarely()
	if !body {
		r.bodiless++
	}
	if !suppressed {
		r.telling = s.topic.state
	}
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

// relearns takes the topic's state for what the watcher has: its view has
// another name, and shows the same.
func (s *subscription) relearns() {
	if s.rare == nil {
		return
	}
	for _, state := range [...]*State{&s.told, &s.telling, &s.shown} {
		if *state != nil {
			*state = s.topic.state
		}
	}
}
