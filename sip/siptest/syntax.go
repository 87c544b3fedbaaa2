// # Transcripts
//
// A transcript is a text file that reads like a conversation with a node. A
// [Player] plays it with scripted user agents, on the network in memory or on
// real loopback addresses. This is a whole one:
//
//	# A watcher fetches (RFC 6665 s.4.4.3)
//	Watcher alice udp 10.0.0.2:5060
//
//	alice sends:
//	    SUBSCRIBE sip:bob@example.com
//	    Event: presence
//	    Expires: 0
//	alice receives 200:
//	    To: <sip:bob@example.com>;tag=$tag
//	alice receives NOTIFY, answers 200:
//	    From: <sip:bob@example.com>;tag=$tag
//	    Subscription-State: terminated;reason=timeout
//
//	    /presence/tuple/status/basic = closed
//	alice receives nothing
//
// A statement begins at the margin; the lines indented by four spaces below it
// are its block. "#" at the margin begins a comment, and the first line is one:
// it says what is shown, and which RFC says so.
//
// Who takes part. The node is at 10.0.0.1:5060, and, if it is configured so,
// at [2001:db8::1]:5060.
//
//	ROLE NAME udp|tcp ADDRESS          sip:NAME@example.com; any word is a ROLE
//	ROLE NAME udp|tcp ADDRESS is URI   another address-of-record
//	config:                            lines of the node's configuration
//	row TEXT                           what this transcript is listed under
//
// What happens, in order:
//
//	NAME sends:                        a request or a response
//	NAME sends, authorized with "PW":  with the last nonce, its count one higher
//	NAME sends again                   the last bytes once more
//	NAME sends raw:                    exactly this; lines end in CRLF but the last; \r \n \x00 work
//	NAME authorizes with "PW"          the last request again, answering the challenge; a block replaces fields
//	NAME receives:                     the next response, or the request of the block's first line
//	NAME receives 200:                 the next response, which is a 200
//	NAME receives 200, trying again:   or a 500 or 503, after which the request is sent again
//	NAME receives NOTIFY, answers 200: the next NOTIFY
//	NAME receives again [N times]      the message that it received last, byte for byte
//	NAME receives nothing              and nothing waits
//	NAME receives anything             what waits is forgotten
//	NAME answers CODE:                 the last request that it received; a block adds fields
//	NAME connects, closes, is disconnected
//	after DURATION                     "5s", "100ms", "1h"
//	node WORDS:                        what the Player's Command makes of it
//
// What is sent needs no Via, Max-Forwards, From, To, Call-ID, CSeq,
// Content-Length, nor SIP/2.0, nor a Contact in SUBSCRIBE. What is written
// stands instead, "-Name" leaves the field out, and a To with a tag that was
// received brings its dialog's Call-ID and From. An empty line begins the body.
// The line "PIDF sip:bob@example.com phone open Some note" is a whole document.
//
// What is received is held against the block: a start line if there is one,
// and header fields, of which others may stand beside them; one field of that
// name must match, "-Name" must not be there. "*" is anything, "\*" a star.
// $name captures what follows up to a separator, and is that text from then
// on; ${name} where a letter follows, $$ a dollar. Used first in something
// sent it is made up, with the magic cookie if it begins with "branch". $NAME
// is an agent's address, $node the node's; $NAME.branch, .callid, .fromtag,
// .cseq and .authorization are of the last request that NAME sent.
//
// The lines of a body are each one of
//
//	/presence/tuple/status/basic = open   an element with this text, or an attribute: /a/@b = c
//	//note                                there is one, anywhere
//	count(/presence/tuple) = 2
//	~ text, !~ text                       it contains this, or does not
//	(empty)                               there is none
//
// and all other lines together are the whole body.
//
// Beside what is written each message received must be well-formed, with the
// fields that RFC 3261 s.8 and RFC 6665 s.4.2.2 ask for. At the end no message
// may be left that nobody has looked at.
package siptest
