package identity

import "presenced/sip"

// asserted is what P-Asserted-Identity says. RFC 3325 s.9.1: one value, or a sip: or sips: URI and a tel: URI.
type asserted struct {
	aor string // of the first sip: or sips: value; "" where there is none
	tel string // what follows "tel:" in the first tel: value
}

// assertedIdentity reads the field of a trusted peer's request. A value that cannot be read is passed over. A tel: URI
// alone identifies nobody here, because principals have addresses-of-record.
func assertedIdentity(r *sip.Request) asserted {
	var a asserted
	if !r.Has("P-Asserted-Identity") {
		return a
	}
	for _, value := range r.List("P-Asserted-Identity") {
		address, err := sip.ParseAddress(value)
		if err != nil || address.Star {
			continue
		}
		switch u := &address.URI; u.Scheme {
		case "sip", "sips":
			if a.aor == "" {
				a.aor = u.AOR()
			}
		case "tel":
			if a.tel == "" {
				a.tel = u.Opaque
			}
		}
	}
	return a
}

// owns says whether From is the telephone number that was asserted beside the address-of-record.
func (a *asserted) owns(from *sip.Address) bool {
	return a.tel != "" && from.URI.Scheme == "tel" && from.URI.Opaque == a.tel
}
