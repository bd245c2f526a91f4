// Package sitetest tests the pages of package site: that they were built from their sources, and how they behave in a
// browser. Tests that need the browser are skipped if Chromium is not installed.
package sitetest

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// Patience limits the duration of each command to the browser, which takes many seconds to start on a busy machine.
const Patience = 4 * time.Minute

// chromium is a headless browser that the pages of a test binary share. Commands and events are JSON messages of the
// DevTools protocol, sent over a pair of pipes. Each message ends with a zero byte.
type chromium struct {
	cmd     *exec.Cmd
	profile string // a folder
	in      io.WriteCloser
	ended   chan struct{} // closed when there are no more events

	mu      sync.Mutex
	lastID  int
	pending map[int]chan message
	pages   map[string]*Browser // by session
}

// running is the browser, if any page is open.
var running struct {
	sync.Mutex
	*chromium
	pages int
}

// Browser is a page of a headless Chromium with a profile of its own. It records the page's problems and requests.
type Browser struct {
	*chromium
	t       *testing.T
	session string
	loaded  chan struct{} // gets a value when a document and its scripts have loaded

	requests []string // URLs that the page requested
	problems []string // errors and warnings on its console, and uncaught errors
}

type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     json.RawMessage `json:"error,omitempty"`
}

// Open opens an empty page that shares nothing with others. It starts Chromium if no other page is open, and skips the
// test if Chromium is not installed.
func Open(t *testing.T) *Browser {
	t.Helper()
	b := &Browser{chromium: share(t), t: t, loaded: make(chan struct{}, 1)}

	var profile struct{ BrowserContextID string }
	b.Do("Target.createBrowserContext", map[string]any{"disposeOnDetach": true}, &profile)
	t.Cleanup(func() {
		b.session = ""
		b.Do("Target.disposeBrowserContext", map[string]any{"browserContextId": profile.BrowserContextID}, nil)
	})
	var target struct{ TargetID string }
	b.Do("Target.createTarget",
		map[string]any{"url": "about:blank", "browserContextId": profile.BrowserContextID}, &target)
	var attached struct{ SessionID string }
	b.Do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.mu.Lock()
	b.pages[b.session] = b
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.Do(domain+".enable", map[string]any{}, nil)
	}
	return b
}

// share returns the running browser. It starts one for the first page, and stops it after the last.
func share(t *testing.T) *chromium {
	t.Helper()
	running.Lock()
	defer running.Unlock()
	if running.pages == 0 {
		running.chromium = launch(t)
	}
	running.pages++
	t.Cleanup(func() {
		running.Lock()
		defer running.Unlock()
		if running.pages--; running.pages == 0 {
			running.quit()
		}
	})
	return running.chromium
}

func launch(t *testing.T) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine: apt-get install chromium")
	}
	profile, err := os.MkdirTemp("", "deliverygraph-chromium")
	if err != nil {
		t.Fatal(err)
	}
	commands, in := pipe(t)
	out, events := pipe(t)
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		// Otherwise each page would start three more processes: a spare one, and two for lists below its address bar.
		"--disable-features=SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
		"--user-data-dir="+profile, "--remote-debugging-pipe")
	cmd.ExtraFiles = []*os.File{commands, events} // its descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	commands.Close()
	events.Close()
	c := &chromium{
		cmd: cmd, profile: profile, in: in, ended: make(chan struct{}), pending: map[int]chan message{},
		pages: map[string]*Browser{},
	}
	go func() {
		defer close(c.ended)
		defer out.Close()
		c.listen(out)
	}()
	return c
}

// quit stops the browser by closing its pipe. Its child processes then stop too; if it were killed, they would go on
// writing to the profile.
func (c *chromium) quit() {
	_ = c.in.Close()
	<-c.ended
	_ = c.cmd.Wait() // its exit code says nothing about the pages
	_ = os.RemoveAll(c.profile)
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// listen passes results on to their callers and records events until the browser has stopped.
func (c *chromium) listen(out io.Reader) {
	for r := bufio.NewReader(out); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
			return
		}
		c.mu.Lock()
		if answer, ok := c.pending[m.ID]; ok {
			delete(c.pending, m.ID)
			answer <- m
		} else if page := c.pages[m.SessionID]; page != nil {
			page.note(m)
		}
		c.mu.Unlock()
	}
}

func (b *Browser) note(m message) {
	var p struct {
		Type, Timestamp any
		Request         struct{ URL string }
		Entry           struct{ Level string }
	}
	_ = json.Unmarshal(m.Params, &p) // of other events, whose shapes differ
	switch {
	case m.Method == "Page.loadEventFired":
		select {
		case b.loaded <- struct{}{}:
		default:
		}
	case m.Method == "Network.requestWillBeSent":
		b.requests = append(b.requests, p.Request.URL)
	case m.Method == "Runtime.exceptionThrown",
		m.Method == "Runtime.consoleAPICalled" && (p.Type == "error" || p.Type == "warning"),
		m.Method == "Log.entryAdded" && (p.Entry.Level == "error" || p.Entry.Level == "warning"):
		b.problems = append(b.problems, string(m.Params))
	}
}

// Do runs a command and waits for its result.
func (b *Browser) Do(method string, params, result any) {
	b.t.Helper()
	p, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.lastID++
	m := message{ID: b.lastID, SessionID: b.session, Method: method, Params: p}
	b.pending[m.ID] = answer
	text, err := json.Marshal(m)
	if err == nil {
		_, err = b.in.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(Patience):
		b.t.Fatalf("%s: no answer within %v", method, Patience)
	}
}

// Eval runs an expression in the page, waits for it if it is a promise, and stores its value in result.
func (b *Browser) Eval(expression string, result any) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.Do("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true},
		&got)
	if got.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, got.ExceptionDetails)
	}
	if result != nil {
		if err := json.Unmarshal(got.Result.Value, result); err != nil {
			b.t.Fatalf("%s: %v in %s", expression, err, got.Result.Value)
		}
	}
}

// Until waits until an expression is true in the page. If it does not become true, it fails the test and shows the
// page's text.
func (b *Browser) Until(condition string) {
	b.t.Helper()
	var came bool
	b.Eval(fmt.Sprintf(`new Promise((resolve) => {
		const end = Date.now() + %d;
		const look = () => {
			if (%s) resolve(true);
			else if (Date.now() > end) resolve(false);
			else setTimeout(look, 20);
		};
		look();
	})`, Patience.Milliseconds()/2, condition), &came)
	if !came {
		var shown string
		b.Eval(`document.body.innerText`, &shown)
		b.t.Fatalf("this did not become true: %s\nThe page shows:\n%s\nProblems: %q", condition, shown, b.Problems())
	}
}

// PressCtrl presses Ctrl and a key in the focused element.
func (b *Browser) PressCtrl(key, code string, virtual int) {
	b.t.Helper()
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.Do("Input.dispatchKeyEvent", map[string]any{
			"type": kind, "modifiers": 2, "key": key, "code": code, "windowsVirtualKeyCode": virtual,
		}, nil)
	}
}

// Screenshot saves screenshots of the page in light and dark mode if go test runs with -artifacts.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	if flag.Lookup("test.artifacts").Value.String() != "true" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		b.Do("Emulation.setEmulatedMedia", map[string]any{
			"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
		}, nil)
		var shot struct{ Data []byte }
		b.Do("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
		if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+"-"+scheme+".png"), shot.Data, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Load loads a URL, and Reload loads it again.
func (b *Browser) Load(url string) { b.loadBy("Page.navigate", map[string]any{"url": url}) }
func (b *Browser) Reload()         { b.loadBy("Page.reload", map[string]any{}) }

// loadBy runs a command that loads a document and waits until the document has loaded. Until then, the browser may run
// commands on the previous document.
func (b *Browser) loadBy(method string, params any) {
	b.t.Helper()
	select {
	case <-b.loaded: // by the previous document
	default:
	}
	b.Do(method, params, nil)
	b.AwaitLoad(method)
}

// AwaitLoad waits until a document has loaded since the last call.
func (b *Browser) AwaitLoad(what string) {
	b.t.Helper()
	select {
	case <-b.loaded:
	case <-time.After(Patience):
		b.t.Fatalf("%s: nothing has loaded within %v", what, Patience)
	}
}

// Problems returns the errors and warnings on the page's console, and its uncaught errors.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

// Requests returns the URLs that the page requested.
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}
