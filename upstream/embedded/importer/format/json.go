package format

import "github.com/go-json-experiment/json/jsontext"

// JSONTypes are the types of JSON values in words, for messages.
var JSONTypes = map[jsontext.Kind]string{
	'n': "null", 't': "true or false", 'f': "true or false", '"': "a string", '0': "a number", '{': "an object",
	'[': "an array",
}
