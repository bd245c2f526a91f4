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
)

// settingError is a setting that cannot be: it names the setting and gives an
// example.
type settingError struct{ message string }

func (e *settingError) Error() string { return e.message }

func badSetting(format string, args ...any) error {
	return &settingError{fmt.Sprintf(format, args...)}
}

// badFile is what is wrong with the file that a setting names; instead says what to give
// where there is none that could be read.
func badFile(flag string, err error, instead string) error {
	if p := new(fs.PathError); errors.As(err, &p) {
		return badSetting("%s: %s cannot be read (%v): %s", flag, shown(p.Path), p.Err, instead)
	}
	return badSetting("%s: %v", flag, err)
}

// leftOut says what it means to leave a setting out, for those of which somebody would
// like to know.
var leftOut = map[string]string{
	"upstream": "leave it out for demo data", "data": "leave it out for demo data",
	"auth-keys": "leave it out to ask for no API keys", "auth-jwks": "leave it out to ask for no tokens",
	"tls-cert": "leave it out, and --tls-key, to serve plain HTTP", "tls-key": "leave it out, and --tls-cert, to serve plain HTTP",
	"rest-keys": "leave it out to ask for no keys", "rest-key-list": "leave it out to ask for no keys",
	"upstream-ca": "leave it out to trust the system's authorities", "upstream-key": "leave it out where the upstream asks for none",
	"listen": "leave it out for 127.0.0.1:8080", "admin-listen": "leave it out for no port", "rest-listen": "leave it out for no port",
	"rules":  "leave it out for the embedded rules",
	"format": "leave it out to tell formats by the files' content", "time-zone": "leave it out for UTC",
	"trace-otlp": "leave it out to send no traces", "trusted-documents": "leave it out for none",
	"cors-origins": "leave it out to let pages of this machine ask alone", "allowed-hosts": "leave it out, or give names such as metrics.example.com",
	"auth-mask-secret":    "leave it out for a new one at each start",
	"auth-jwt-algorithms": "leave it out for RS256", "auth-jwt-users-claim": "leave it out for users", "auth-jwt-scopes-claim": "leave it out for scope",
}

// givenEmpty refuses settings with nothing behind them, as a shell's variable that is not
// set leaves them, where leaving them out would mean demo data, asking nobody, or plain
// HTTP.
func givenEmpty(flags []*kong.Flag, args []string) error {
	for _, f := range flags {
		if kind := f.Target.Kind(); kind != reflect.String && kind != reflect.Slice {
			continue // nothing is no number, and was refused as such
		}
		without := leftOut[f.Name]
		if without == "" {
			without = "give one, or leave it out"
		}
		given := false
		for i, a := range args { // each time: the last one counts, and might ask nobody
			given = given || gives(a, f)
			if a == "--"+f.Name+"=" || a == "--"+f.Name && i+1 < len(args) && args[i+1] == "" {
				return badSetting("--%s is given without a value: %s", f.Name, without)
			}
		}
		if given {
			continue
		}
		if name, value, ok := variable(f); ok && value == "" {
			return badSetting("%s is given without a value: %s", name, without)
		}
	}
	return nil
}

// gives says whether an argument gives a flag.
func gives(arg string, f *kong.Flag) bool {
	return arg == "--"+f.Name || strings.HasPrefix(arg, "--"+f.Name+"=")
}

// withSecret is a URL, or what was meant as one, that may hold a password or a token.
var withSecret = regexp.MustCompile(`//.*[@?]|^[^/]*:.*@`)

// shown is a value as it may be told, quoted: what is printed at the start ends in logs.
func shown(value string) string {
	if withSecret.MatchString(value) {
		return "what it holds, which may be secret,"
	}
	return fmt.Sprintf("%q", value)
}

// variable is the environment variable that sets a flag, if one does.
func variable(f *kong.Flag) (name, value string, ok bool) {
	for _, name = range f.Envs {
		if value, ok = os.LookupEnv(name); ok {
			return name, value, true
		}
	}
	return "", "", false
}

var namesOfFlags = regexp.MustCompile(`--([a-z0-9]+(?:-[a-z0-9]+)*)`)

// explained is what is told of settings that cannot be: with what would be right, where
// the flag library says only what is wrong, and with the environment variables that
// gave the flags it names. Neither secrets nor URLs that may hold some are shown.
func explained(err error, flags []*kong.Flag, args []string) string {
	text := strings.ReplaceAll(err.Error(), "(from envar ", "(from ")
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
		if !flags[i].Tag.Has("secret") && !withSecret.MatchString(value) {
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

// hint is what would be right, where the flag library says only what is wrong.
func hint(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "expected duration"):
		return "; write it as 30s, 10m or 1h"
	case strings.Contains(text, "slog: level"):
		return "; it is debug, info, warn or error"
	case strings.Contains(text, "64 bit int"):
		return "; write it as 16"
	case strings.Contains(text, "expected a float"):
		return "; write it as 0.1"
	}
	return ""
}

// allFlags are those of a command and of all below it.
func allFlags(n *kong.Node) []*kong.Flag {
	all := slices.Clone(n.Flags)
	for _, c := range n.Children {
		all = append(all, allFlags(c)...)
	}
	return all
}
