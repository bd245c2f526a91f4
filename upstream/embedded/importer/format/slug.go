package format

import "strings"

// Slug makes a code of a phrase, such as "spam-content" of "Spam Content", for reasons that are
// none of the API's own.
func Slug(phrase string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(phrase) {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
		if b.Len() >= 64 {
			break
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}
