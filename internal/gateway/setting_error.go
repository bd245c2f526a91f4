package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"deliverygraph/upstream/embedded"
)

// settingError is an invalid setting. Its message names the setting and gives an example of a valid one.
type settingError struct{ message string }

func (e *settingError) Error() string { return e.message }

func badSetting(format string, args ...any) error {
	return &settingError{fmt.Sprintf(format, args...)}
}

// badFile is the error of a file that a setting names. If the file cannot be read, the message says what to give
// instead.
func badFile(flag string, err error, instead string) error {
	if p := new(fs.PathError); errors.As(err, &p) {
		return badSetting("%s: %s cannot be read (%v): %s", flag, shown(p.Path), p.Err, instead)
	}
	return badSetting("%s: %v", flag, err)
}

// givenEmpty refuses settings with an empty value, as an unset shell variable leaves them: leaving such a setting out
// could mean demo data, no authentication, or plain HTTP.
func givenEmpty(flags []*kong.Flag, args []string) error {
	for _, f := range flags {
		if kind := f.Target.Kind(); kind != reflect.String && kind != reflect.Slice {
			continue // an empty number has already been refused
		}
		without := "give one, or leave it out"
		if f.Default != "" {
			without = "leave it out for " + f.Default
		}
		given := false
		for i, a := range args { // check all, as the last one counts
			given = given || gives(a, f)
			if a == "--"+f.Name+"=" || a == "--"+f.Name && i+1 < len(args) && args[i+1] == "" {
				return badSetting("--%s has an empty value: %s", f.Name, without)
			}
		}
		if given {
			continue
		}
		if name, value, ok := variable(f); ok && value == "" {
			return badSetting("%s has an empty value: %s", name, without)
		}
	}
	return nil
}

// gives reports whether an argument sets a flag.
func gives(arg string, f *kong.Flag) bool {
	return arg == "--"+f.Name || strings.HasPrefix(arg, "--"+f.Name+"=")
}

// mayBeSecret reports whether a value may contain a secret: a URL, or an attempt at one, with a password or a token; or
// a key in place of the name of its file, as a mistake in a manifest sets it.
func mayBeSecret(value string) bool {
	return withSecret.MatchString(value) || len(value) >= embedded.MinKeyLength &&
		!strings.ContainsAny(value, `./\`) && strings.ContainsAny(value, "0123456789")
}

var withSecret = regexp.MustCompile(`(?s)//.*[@?]|^[^/]*:.*@|-----BEGIN|\n`)

// shown returns a value, quoted, for a message, unless it may contain a secret: messages at the start end up in logs.
func shown(value string) string {
	if mayBeSecret(value) {
		return "its value (not shown, as it may be secret)"
	}
	return fmt.Sprintf("%q", value)
}

// variable returns the environment variable that sets a flag, if one does.
func variable(f *kong.Flag) (name, value string, ok bool) {
	for _, name = range f.Envs {
		if value, ok = os.LookupEnv(name); ok {
			return name, value, true
		}
	}
	return "", "", false
}

// plainer replaces words of the flag library that say little to users.
var plainer = strings.NewReplacer(`but got "EOL" (<EOL>)`, "but got none", "slog: level string ", "",
	"(from envar ", "(from ")

var namesOfFlags = regexp.MustCompile(`--([a-z0-9]+(?:-[a-z0-9]+)*)`)

// explained returns the message for an invalid setting. It adds an example of a valid value if the flag library gives
// none, and the environment variables that set the flags in the message. It shows neither secrets nor URLs that may
// contain some.
func explained(err error, flags []*kong.Flag, args []string) string {
	text := plainer.Replace(err.Error())
	for i := range len(args) - 1 {
		of := func(f *kong.Flag) bool { return args[i] == "--"+f.Name && f.Tag.Has("secret") }
		if slices.ContainsFunc(flags, of) {
			text = strings.ReplaceAll(text, fmt.Sprintf("%q", args[i+1]), "a value that is not shown")
		}
	}
	var from []string
	for _, m := range namesOfFlags.FindAllStringSubmatch(text, -1) {
		i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Name == m[1] })
		if i < 0 || slices.ContainsFunc(args, func(a string) bool { return gives(a, flags[i]) }) {
			continue
		}
		name, value, ok := variable(flags[i])
		if !ok || strings.Contains(text, name) {
			continue
		}
		if !flags[i].Tag.Has("secret") && !mayBeSecret(value) {
			name += fmt.Sprintf("=%q", value)
		}
		if !slices.Contains(from, name) {
			from = append(from, name)
		}
	}
	text += hint(err)
	if len(from) > 0 {
		text += " (from " + strings.Join(from, ", ") + ")"
	}
	return text
}

// hint returns an example of a valid value for errors of the flag library.
func hint(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "expected duration"):
		return "; write it as 30s, 10m or 1h"
	case strings.Contains(text, "slog: level"):
		return "; it must be debug, info, warn or error"
	case strings.Contains(text, "64 bit int"):
		return "; write it as a whole number, such as 25"
	case strings.Contains(text, "expected a float"):
		return "; write it as 0.1"
	}
	return ""
}

// allFlags returns the flags of a command and of all its subcommands.
func allFlags(n *kong.Node) []*kong.Flag {
	all := slices.Clone(n.Flags)
	for _, c := range n.Children {
		all = append(all, allFlags(c)...)
	}
	return all
}
