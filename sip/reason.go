package sip

import "strconv"

// The status codes that this agent sends or acts on.
const (
	StatusTrying                 = 100
	StatusOK                     = 200
	StatusAccepted               = 202
	StatusNoNotification         = 204
	StatusBadRequest             = 400
	StatusUnauthorized           = 401
	StatusForbidden              = 403
	StatusNotFound               = 404
	StatusMethodNotAllowed       = 405
	StatusNotAcceptable          = 406
	StatusProxyAuthRequired      = 407
	StatusRequestTimeout         = 408
	StatusGone                   = 410
	StatusConditionalFailed      = 412
	StatusRequestEntityTooLarge  = 413
	StatusUnsupportedMediaType   = 415
	StatusUnsupportedURIScheme   = 416
	StatusBadExtension           = 420
	StatusExtensionRequired      = 421
	StatusIntervalTooBrief       = 423
	StatusTemporarilyUnavailable = 480
	StatusNoSuchTransaction      = 481
	StatusLoopDetected           = 482
	StatusTooManyHops            = 483
	StatusAddressIncomplete      = 484
	StatusAmbiguous              = 485
	StatusBadEvent               = 489
	StatusRequestPending         = 491
	StatusUndecipherable         = 493
	StatusInternalServerError    = 500
	StatusNotImplemented         = 501
	StatusBadGateway             = 502
	StatusServiceUnavailable     = 503
	StatusServerTimeout          = 504
	StatusVersionNotSupported    = 505
	StatusMessageTooLarge        = 513
	StatusDecline                = 603
	StatusDoesNotExistAnywhere   = 604
)

// ReasonPhrase is the code's phrase as the RFCs print it (RFC 3261 s.21,
// RFC 3903 s.11.2, RFC 6665 s.8.3, RFC 5839 s.7.1 and others); for a code
// that none defines, the phrase of its class.
func ReasonPhrase(code int) string {
	if code >= 0 && code < len(reasonPhrases) && reasonPhrases[code] != "" {
		return reasonPhrases[code]
	}
	switch code / 100 {
	case 1:
		return "Session Progress"
	case 2:
		return "OK"
	case 3:
		return "Multiple Choices"
	case 4:
		return "Bad Request"
	case 5:
		return "Server Internal Error"
	case 6:
		return "Busy Everywhere"
	}
	return "Status " + strconv.Itoa(code)
}

var reasonPhrases = [...]string{
	100: "Trying",
	180: "Ringing",
	181: "Call Is Being Forwarded",
	182: "Queued",
	183: "Session Progress",
	200: "OK",
	202: "Accepted",
	204: "No Notification",
	300: "Multiple Choices",
	301: "Moved Permanently",
	302: "Moved Temporarily",
	305: "Use Proxy",
	380: "Alternative Service",
	400: "Bad Request",
	401: "Unauthorized",
	402: "Payment Required",
	403: "Forbidden",
	404: "Not Found",
	405: "Method Not Allowed",
	406: "Not Acceptable",
	407: "Proxy Authentication Required",
	408: "Request Timeout",
	410: "Gone",
	412: "Conditional Request Failed",
	413: "Request Entity Too Large",
	414: "Request-URI Too Long",
	415: "Unsupported Media Type",
	416: "Unsupported URI Scheme",
	420: "Bad Extension",
	421: "Extension Required",
	423: "Interval Too Brief",
	430: "Flow Failed",
	439: "First Hop Lacks Outbound Support",
	440: "Max-Breadth Exceeded",
	480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist",
	482: "Loop Detected",
	483: "Too Many Hops",
	484: "Address Incomplete",
	485: "Ambiguous",
	486: "Busy Here",
	487: "Request Terminated",
	488: "Not Acceptable Here",
	489: "Bad Event",
	491: "Request Pending",
	493: "Undecipherable",
	500: "Server Internal Error",
	501: "Not Implemented",
	502: "Bad Gateway",
	503: "Service Unavailable",
	504: "Server Time-out",
	505: "Version Not Supported",
	513: "Message Too Large",
	600: "Busy Everywhere",
	603: "Decline",
	604: "Does Not Exist Anywhere",
	606: "Not Acceptable",
}
