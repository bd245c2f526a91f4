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
	checkTexts(t, &BounceDetail{})
	for _, k := range Kinds {
		none, err := DecodePage(k, `{"data":[]}`) // for the type of its rows
		if err != nil {
			t.Fatal(err)
		}
		checkTexts(t, reflect.New(reflect.TypeOf(none.Rows()).Elem()).Interface().(interface{ Texts() Texts }))
	}
}

func checkTexts(t *testing.T, row interface{ Texts() Texts }) {
	t.Helper()
	of := row.Texts()
	pointers := slices.Concat([]*string{of.EmailID, of.Address, of.Local, of.Domain},
		of.Codes[:], of.Contents[:])
	for _, p := range pointers {
		if p != nil {
			*p += "shown"
		}
	}
	*of.XHeaders = []Header{}
	all := reflect.ValueOf(row).Elem()
	for _, f := range reflect.VisibleFields(all.Type()) {
		switch v := all.FieldByIndex(f.Index); {
		case f.Type.Kind() == reflect.String && v.String() != "shown":
			t.Errorf("%s.%s is %q, want it among the texts once", all.Type().Name(), f.Name, v)
		case f.Type.Kind() == reflect.Slice && v.IsNil():
			t.Errorf("%s.%s is not among the texts", all.Type().Name(), f.Name)
		}
	}
}
