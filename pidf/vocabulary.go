package pidf

import "slices"

// Words of RFC 4480 that programs ask for by name. Those of the other
// enumerations are written as the RFC spells them: "happy", "home", "quiet".
const (
	Away       = "away"
	Busy       = "busy"
	Meeting    = "meeting"
	OnThePhone = "on-the-phone"
	NotKnown   = "unknown" // stands alone, in every enumeration that has it
)

// vocabulary is what one of the enumerations of rpid.xsd may hold
// (RFC 4480 s.5.1).
type vocabulary struct {
	name    string
	words   []string // the elements, without note, other and unknown
	places  bool     // the words are elements of RFC 4589, in its namespace
	unknown bool     // it has the element unknown
	other   bool     // it has the element other, for a text
	single  bool     // it holds one word or text, or elements of other namespaces
	ordered bool     // its words stand in this order
	empty   bool     // it may hold nothing
	notes   bool
	spans   bool // it has from, until and id
}

func (v *vocabulary) has(word string) bool {
	return slices.Contains(v.words, word) || v.unknown && word == NotKnown
}

// vocabularyOf is that of the element with a name, nil for none.
func vocabularyOf(name string) *vocabulary {
	switch name {
	case "activities":
		return &activityWords
	case "mood":
		return &moodWords
	case "place-type":
		return &placeWords
	case "privacy":
		return &privacyWords
	case "relationship":
		return &relationshipWords
	case "service-class":
		return &serviceWords
	case "sphere":
		return &sphereWords
	}
	return nil
}

// The RFC also describes the activity lunch, but its schema forgets it: it is
// written as a text.
var (
	activityWords = vocabulary{name: "activities", unknown: true, other: true, empty: true, notes: true, spans: true, words: []string{
		"appointment", "away", "breakfast", "busy", "dinner", "holiday", "in-transit", "looking-for-work", "meal",
		"meeting", "on-the-phone", "performance", "permanent-absence", "playing", "presentation", "shopping",
		"sleeping", "spectator", "steering", "travel", "tv", "vacation", "working", "worship",
	}}
	moodWords = vocabulary{name: "mood", unknown: true, other: true, notes: true, spans: true, words: []string{
		"afraid", "amazed", "angry", "annoyed", "anxious", "ashamed", "bored", "brave", "calm", "cold", "confused",
		"contented", "cranky", "curious", "depressed", "disappointed", "disgusted", "distracted", "embarrassed",
		"excited", "flirtatious", "frustrated", "grumpy", "guilty", "happy", "hot", "humbled", "humiliated",
		"hungry", "hurt", "impressed", "in_awe", "in_love", "indignant", "interested", "invincible", "jealous",
		"lonely", "mean", "moody", "nervous", "neutral", "offended", "playful", "proud", "relieved", "remorseful",
		"restless", "sad", "sarcastic", "serious", "shocked", "shy", "sick", "sleepy", "stressed", "surprised",
		"thirsty", "worried",
	}}
	// The schema of RFC 4589 spells bicyle, its text bicycle.
	placeWords = vocabulary{name: "place-type", places: true, other: true, notes: true, spans: true, words: []string{
		"aircraft", "airport", "arena", "automobile", "bank", "bar", "bicyle", "bus", "bus-station", "cafe",
		"classroom", "club", "construction", "convention-center", "government", "hospital", "hotel", "industrial",
		"library", "motorcycle", "office", "outdoors", "parking", "place-of-worship", "prison", "public",
		"public-transport", "residence", "restaurant", "school", "shopping-area", "stadium", "store", "street",
		"theater", "train", "train-station", "truck", "underway", "warehouse", "water", "watercraft", "bicycle", NotKnown,
	}}
	privacyWords = vocabulary{name: "privacy", unknown: true, ordered: true, empty: true, notes: true, spans: true,
		words: []string{"audio", "text", "video"}}
	relationshipWords = vocabulary{name: "relationship", unknown: true, other: true, single: true, empty: true, notes: true,
		words: []string{"assistant", "associate", "family", "friend", "self", "supervisor"}}
	serviceWords = vocabulary{name: "service-class", unknown: true, single: true, notes: true,
		words: []string{"courier", "electronic", "freight", "in-person", "postal"}}
	sphereWords = vocabulary{name: "sphere", unknown: true, single: true, empty: true, spans: true,
		words: []string{"home", "work"}}
)

// The three enumerations of place-is (RFC 4480 s.3.6), which hold one word each.
var (
	placeAudio = []string{"noisy", "ok", "quiet", NotKnown}
	placeVideo = []string{"toobright", "ok", "dark", NotKnown}
	placeText  = []string{"uncomfortable", "inappropriate", "ok", NotKnown}
)
