package upstream

// DecodeCodes decodes the answer to GET /bounce/categories or GET /blocked-email/reasons, with or without an envelope,
// in the order sent. Any non-empty string is a code, because the sets are open. Errors have the code [InvalidResponse].
func DecodeCodes(body string) ([]string, error) {
	return decodeRows(body, func(l *lexer, code *string) {
		*code = l.str("code")
		l.need("code", *code != "")
	})
}

// AppendCodes appends the answer to GET /bounce/categories or GET /blocked-email/reasons to dst.
func AppendCodes(dst []byte, codes []string) []byte {
	return appendData(dst, codes, appendString)
}
