package store

// Stats is what an engine holds now, for /metrics. For engines shared by
// several agents it is the shared state.
type Stats struct {
	Publications  int
	Subscriptions int
	Bindings      int
	Principals    int
	Documents     int // rules and the like
}
