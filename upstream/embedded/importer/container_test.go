package importer_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer"
)

// The runtimes of containers write each line of a log within one of their own.
func TestLogsOfContainersGiveTheSameRows(t *testing.T) {
	t.Parallel()
	for name, log := range map[string]string{"Postfix": logBegin + logEnd, "Exim": eximLog} {
		plain := newShop(t)
		plain.take(t, importer.Options{}, file(t, log))
		var docker, cri strings.Builder
		for line := range strings.Lines("starting\n" + log) {
			text, err := json.Marshal(line)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&docker, `{"log":%s,"stream":"stdout","time":"2026-11-10T10:00:00.123456789Z"}`+"\n", text)
			fmt.Fprintf(&cri, "2026-11-10T10:00:00.123456789Z stdout F %s", line)
		}
		for _, packed := range []string{docker.String(), cri.String()} {
			s := newShop(t)
			sum := s.take(t, importer.Options{}, file(t, packed))
			sameRows(t, s, plain)
			if sum.BadLines+sum.BadFiles > 0 || sum.Formats[0].Name != strings.ToLower(name) {
				t.Errorf("%s: %+v, %+v", name, sum, s.bad)
			}
		}
	}
}
