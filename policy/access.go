package policy

// AccessRules decide who sees a presentity's presence. Without a rules
// document of the presentity's own the domain's defaults decide.
type AccessRules struct {
	Default   SubHandling // for watchers of our domains
	Foreign   SubHandling // for watchers of other domains
	Anonymous SubHandling // for watchers that are nobody, or hide who they are
	// Local says whether a domain is ours.
	Local func(domain string) bool
}

// Watcher is who asks.
type Watcher struct {
	URI       string // address-of-record; "" where it is not known
	Anonymous bool
}

// Handling is the decision on a watcher of a presentity, both
// addresses-of-record. A presentity always sees itself.
func (r *AccessRules) Handling(presentity string, w Watcher) SubHandling {
	switch {
	case w.URI == presentity && presentity != "":
		return Allow
	case w.Anonymous || w.URI == "":
		return r.Anonymous
	case r.Local(domain(w.URI)):
		return r.Default
	}
	return r.Foreign
}
