package upstream

// Append appends an answer to q to dst, in the form in which the API sends it.
func (q *Question) Append(dst []byte, answer any) []byte {
	switch a := answer.(type) {
	case BounceDetail:
		return AppendBounceDetail(dst, a, Envelope{})
	case []Count:
		return AppendCounts(dst, q.Kind, q.Rollup, a)
	case []Series:
		return AppendSeries(dst, q.Kind, a)
	case []string:
		return AppendCodes(dst, a)
	case Groups:
		return AppendGroups(dst, q, a)
	}
	return AppendPage(dst, PageOf(answer))
}

// Decode decodes an answer to q in the form in which the API sends it. Errors have the code [InvalidResponse].
func (q *Question) Decode(body string) (answer any, err error) {
	switch q.Shape {
	case ShapeDetail:
		return DecodeBounceDetail(body)
	case ShapeCounts:
		return DecodeCounts(body, q.Kind, q.Rollup)
	case ShapeSeries:
		return DecodeSeries(body, q.Kind)
	case ShapeCatalogue:
		return DecodeCodes(body)
	case ShapeGroups:
		return DecodeGroups(body, q)
	}
	page, err := DecodePage(q.Kind, body)
	if err != nil {
		return nil, err
	}
	return page.Rows(), nil
}

// RowsOf returns the number of rows, codes or series in an answer.
func RowsOf(answer any) int {
	if page := PageOf(answer); page != nil {
		return page.Len()
	}
	switch a := answer.(type) {
	case BounceDetail:
		return 1
	case []Count:
		return len(a)
	case []Series:
		return len(a)
	case []string:
		return len(a)
	case Groups:
		return len(a.Groups)
	}
	return 0
}

// Sum adds up the numbers of all kinds.
func Sum[N int | int64](of PerKind[N]) (n N) {
	for _, k := range Kinds {
		n += *of.Of(k)
	}
	return n
}
