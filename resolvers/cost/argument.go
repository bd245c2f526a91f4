package cost

import (
	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// input is an input value: the literal of an object, or any other value. Fields of a literal object are read
// without building a map.
type input struct {
	object *ast.Value
	value  any
}

// input returns the value of a literal or a variable, or the zero input if there is none.
func (w *walker) input(v *ast.Value) input {
	if v == nil {
		return input{}
	}
	switch v.Kind {
	case ast.ObjectValue:
		return input{object: v}
	case ast.Variable:
		return input{value: w.op.Variables[v.Raw]}
	}
	value, err := v.Value(w.op.Variables)
	if err != nil {
		return input{}
	}
	return input{value: value}
}

// member returns a field of an object.
func (w *walker) member(of input, name string) input {
	if of.object != nil {
		return w.input(of.object.Children.ForName(name))
	}
	m, _ := of.value.(map[string]any)
	return input{value: m[name]}
}

// whole returns a value with all of its fields.
func (w *walker) whole(in input) any {
	if in.object != nil {
		in.value, _ = in.object.Value(w.op.Variables)
	}
	return in.value
}

// of returns an argument.
func (w *walker) of(f *field, name string) input {
	if a := f.Arguments.ForName(name); a != nil {
		return w.input(a.Value)
	}
	return input{}
}

// argument returns the value of an argument that is not an object, or nil.
func (w *walker) argument(f *field, name string) any { return w.of(f, name).value }

// text returns an argument that is a text, or nil.
func (w *walker) text(f *field, name string) *string {
	s, ok := w.argument(f, name).(string)
	if !ok {
		return nil
	}
	given := s // allocates only if the argument is given
	return &given
}

// elements returns the elements of a list. As GraphQL permits, a single value stands for a list of one.
func elements(v any) []any {
	if all, ok := v.([]any); ok || v == nil {
		return all
	}
	return []any{v}
}

// key returns the user or sender number of an argument, or 0 if there is none.
func key(v any) (upstream.ID, bool) {
	if v == nil {
		return 0, true
	}
	id, err := model.UnmarshalKey(v)
	return id, err == nil
}

// windowOf returns the window of a field and whether it ends now. It reports false if the window is invalid.
func (w *walker) windowOf(f *field) (in upstream.Window, now, ok bool) {
	window := w.of(f, "window")
	if last := w.member(window, "last").value; last != nil {
		d, err := model.UnmarshalDuration(last)
		return d.UpTo(w.op.Now), true, err == nil
	}
	between := w.member(window, "between")
	start, err := model.UnmarshalDateTime(w.member(between, "start").value)
	end, err2 := model.UnmarshalDateTime(w.member(between, "end").value)
	return upstream.Window{Start: start, End: end}, false, err == nil && err2 == nil && start < end
}

// paging returns the paging arguments of a connection. It reports false if they are invalid.
func (w *walker) paging(f *field) (a page.Args, ok bool) {
	number := func(name string) *int {
		v := w.argument(f, name)
		if v == nil {
			return nil
		}
		n, err := model.UnmarshalLong(v)
		i := int(n)
		if err != nil {
			i = -1
		}
		return &i
	}
	a = page.Args{First: number("first"), Last: number("last"), After: w.text(f, "after"), Before: w.text(f, "before")}
	a.Newest = w.argument(f, "order") == "NEWEST_FIRST"
	return a, a.Sound() && (a.After == nil || len(*a.After) <= maxText) &&
		(a.Before == nil || len(*a.Before) <= maxText)
}

// maxText is the maximum length of a text or cursor that identifies calls. Resolvers reject longer ones.
const maxText = 2048

// filterOf returns the query of the filter of a list of a kind. It reports false if the filter is invalid.
func (w *walker) filterOf(k upstream.Kind, f *field) (q upstream.ListQuery, ok bool) {
	filter := w.of(f, "filter")
	of := func(name string) any { return w.member(filter, name).value }
	var ok2 bool
	q.UserID, ok = key(of("userId"))
	q.SenderID, ok2 = key(of("senderId"))
	text := func(name string) string {
		s, _ := of(name).(string)
		ok = ok && len(s) <= maxText
		return s
	}
	q.Sender, q.Recipient = upstream.LowerAddress(text("sender")), upstream.LowerAddress(text("recipient"))
	q.Local, q.Domain = text("localPart"), upstream.LowerDomain(text("domain"))
	for i := range kind.Own[k] {
		own := &kind.Own[k][i]
		name := own.ArgumentName()
		value := ""
		switch own.Type {
		case kind.Flag:
			if set, _ := of(name).(bool); set {
				value = "1"
			}
		case kind.BounceType:
			if t := of(name); t != nil {
				v, err := model.UnmarshalBounceType(t)
				ok = ok && err == nil
				value = string(v)
			}
		default:
			value = text(name)
		}
		q.SetFilter(own.Filter, value)
	}
	headers := elements(w.whole(w.member(filter, "xHeaders")))
	if len(headers) > upstream.MaxXHeaders {
		return q, false
	}
	for i, h := range headers {
		h, _ := h.(map[string]any)
		name, _ := h["name"].(string)
		value, _ := h["value"].(string)
		ok = ok && len(name) <= maxText && len(value) <= maxText
		q.XHeaders[i] = upstream.Header{Name: name, Value: value}
	}
	return q, ok && ok2
}
