package upstream

// DecodeCodes reads the answer to GET /bounce/categories or
// GET /blocked-email/reasons, with or without an envelope, in the order sent. Any
// string that is not empty is a code: the sets are open. Errors are of
// [InvalidResponse].
func DecodeCodes(body string) ([]string, error) {
	return decodeRows(body, func(l *lexer, code *string) {
		*code = l.str("code")
		l.need("code", *code != "")
	})
}

// AppendCodes writes the answer to GET /bounce/categories or
// GET /blocked-email/reasons.
func AppendCodes(dst []byte, codes []string) []byte {
	return appendData(dst, codes, appendString)
}
