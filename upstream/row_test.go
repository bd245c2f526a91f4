package upstream_test

import (
	"reflect"
	"slices"
	"testing"

	. "deliverygraph/upstream"
)

// Code that packs or masks rows sees each of their strings, those of new fields too.
func TestTextsPointToEveryStringOfARow(t *testing.T) {
	t.Parallel()
	checkTexts(t, &Email{}, (*Email).Texts)
	checkTexts(t, &Bounce{}, (*Bounce).Texts)
	checkTexts(t, &BounceDetail{}, (*BounceDetail).Texts)
	checkTexts(t, &BlockedEmail{}, (*BlockedEmail).Texts)
}

func checkTexts[R any](t *testing.T, row *R, texts func(*R) Texts) {
	t.Helper()
	of := texts(row)
	pointers := slices.Concat([]*string{of.EmailID, of.Address, of.Local, of.Domain},
		of.Codes[:], of.Contents[:])
	for _, p := range pointers {
		if p != nil {
			*p += "shown"
		}
	}
	*of.XHeaders = []Header{}
	v := reflect.ValueOf(row).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		switch v := v.FieldByIndex(f.Index); {
		case f.Type.Kind() == reflect.String && v.String() != "shown":
			t.Errorf("%s.%s is %q, want it among the texts once", reflect.TypeFor[R]().Name(), f.Name, v)
		case f.Type.Kind() == reflect.Slice && v.IsNil():
			t.Errorf("%s.%s is not among the texts", reflect.TypeFor[R]().Name(), f.Name)
		}
	}
}
