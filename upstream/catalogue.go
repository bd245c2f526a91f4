package upstream

// DecodeCodes reads the answer to GET /bounce/categories or
// GET /blocked-email/reasons, with or without an envelope, in the order sent. Any
// non-empty string is a code: the sets are open. Errors are of [InvalidResponse].
func DecodeCodes(body []byte) ([]string, error) {
	var codes []string
	l := newLexer(body)
	l.payload(func() {
		codes = codes[:0]
		if l.peek() != '[' {
			l.mistyped("data", "an array")
			return
		}
		for more := l.begin('['); more; more = l.next(']') {
			l.row = len(codes)
			code := l.str("code")
			l.need("code", code != "")
			codes = append(codes, code)
		}
		l.row = -1
	})
	if err := l.end(); err != nil {
		return nil, err
	}
	return codes, nil
}

// AppendCodes writes the answer to GET /bounce/categories or
// GET /blocked-email/reasons.
func AppendCodes(dst []byte, codes []string) []byte {
	return appendData(dst, codes, appendString)
}
