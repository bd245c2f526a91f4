package deploy

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The unit passes to the gateway each file of secrets that its settings name, because the gateway's user cannot read
// files of root. Beyond loopback, the gateway requires keys and serves TLS.
func TestUnitPassesSecretsAndRequiresKeysAndTLS(t *testing.T) {
	unit, settings := assignments(t, "../deliverygraph.service"), assignments(t, "../settings.env")
	credentials := map[string]bool{}
	for _, c := range unit["LoadCredential"] {
		name, source, _ := strings.Cut(c, ":")
		credentials["/run/credentials/deliverygraph.service/"+name] = filepath.Dir(source) == "/etc/deliverygraph"
	}
	for _, name := range []string{"DELIVERYGRAPH_TLS_CERT", "DELIVERYGRAPH_TLS_KEY", "DELIVERYGRAPH_AUTH_KEYS"} {
		if v := settings[name]; len(v) != 1 || !credentials[v[0]] {
			t.Errorf("%s is %q, which the unit does not load from /etc/deliverygraph", name, v)
		}
	}
	if n := len(credentials); n != 3 {
		t.Errorf("the unit loads %d credentials, of which no setting uses some", n)
	}
	host, port, err := net.SplitHostPort(settings["DELIVERYGRAPH_LISTEN"][0])
	if err != nil || host != "0.0.0.0" || len(port) < 4 {
		t.Errorf("it listens on %q, but the unit allows no port below 1024", settings["DELIVERYGRAPH_LISTEN"])
	}
	if data, state := settings["DELIVERYGRAPH_DATA"][0],
		unit["StateDirectory"][0]; filepath.Dir(data) != "/var/lib/"+state {
		t.Errorf("the store is %s, outside the only folder that the gateway may write to", data)
	}
	if unit["ProcSubset"] != nil {
		t.Error("the gateway cannot read how much memory the machine has")
	}
	if got := unit["EnvironmentFile"]; len(got) != 1 || got[0] != "/etc/deliverygraph/settings.env" {
		t.Errorf("settings come from %q", got)
	}
}

// The import and the gateway use the same store as the same user, and the import needs no network.
func TestImportUnitSharesTheStoreWithTheGateway(t *testing.T) {
	unit, gateway := assignments(t, "../deliverygraph-import.service"), assignments(t, "../deliverygraph.service")
	settings := assignments(t, "../settings.env")
	want := "import --data " + settings["DELIVERYGRAPH_DATA"][0] + " --follow /var/log/mail.log"
	if got := unit["ExecStart"]; len(got) != 1 || !strings.HasSuffix(got[0], want) {
		t.Errorf("it runs %q, want %q", got, want)
	}
	for _, name := range []string{"DynamicUser", "StateDirectory", "UMask", "ProtectSystem", "SystemCallFilter"} {
		if !slices.Equal(unit[name], gateway[name]) {
			t.Errorf("%s is %q, and that of the gateway %q", name, unit[name], gateway[name])
		}
	}
	// A dynamic user has the name of its unit unless the unit gives another.
	if user := unit["User"]; len(user) != 1 || user[0] != "deliverygraph" || gateway["User"] != nil {
		t.Errorf("the import runs as %q, the gateway as %q", user, gateway["User"])
	}
	if unit["PrivateNetwork"][0] != "yes" {
		t.Error("it may use the network")
	}
}

// systemd accepts the units.
func TestUnitsAreValidForSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	self, err := os.Executable() // an existing program, as the gateway is not installed
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"deliverygraph.service", "deliverygraph-import.service"} {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		unit := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(unit,
			[]byte(strings.Replace(string(text), "ExecStart=/usr/local/bin/deliverygraph", "ExecStart="+self, 1)),
			0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(analyze, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v:\n%s", name, err, out)
		}
	}
}

// assignments are the lines of a file that assign a value to a name.
func assignments(t *testing.T, path string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			all[name] = append(all[name], value)
		}
	}
	return all
}
