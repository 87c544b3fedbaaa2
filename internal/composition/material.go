package composition

import (
	"sync"

	"presenced/pidf"
)

// material is memory to compose in, used again by the next document. Nothing
// of a finished document stands in it.
type material struct {
	documents []*pidf.Document
	sources   []pidf.Source
	text      []byte
}

var materials = sync.Pool{New: func() any { return new(material) }}

// What a rare large document needs does not go back to the pool.
const (
	maxPooledDocuments = 16
	maxPooledText      = 64 << 10 // bytes
)

// document is an empty one for the i-th publication.
func (m *material) document(i int) *pidf.Document {
	for len(m.documents) <= i {
		m.documents = append(m.documents, new(pidf.Document))
	}
	return m.documents[i]
}

func (m *material) release() {
	if len(m.documents) > maxPooledDocuments || cap(m.text) > maxPooledText {
		return
	}
	for _, d := range m.documents {
		d.Reset()
	}
	clear(m.sources)
	m.sources = m.sources[:0]
	materials.Put(m)
}
