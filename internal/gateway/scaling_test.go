package gateway

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/internal/redis/redistest"
)

// site is several gateways side by side: over one upstream, and with a Redis cluster of three.
type site struct {
	t        *testing.T
	upstream string
	redis    string // URL of the cluster
}

func newSite(t *testing.T) *site {
	t.Helper()
	_, cluster := redistest.Cluster(t, 3)
	return &site{t, start(t, "--rest-listen", "127.0.0.1:0").rest, cluster}
}

// gateway starts a gateway of the site.
func (s *site) gateway(args ...string) *program {
	s.t.Helper()
	return launch(s.t, append([]string{
		"--upstream", s.upstream, "--redis", s.redis, "--batch-limit", "1000", "--max-operations", "5000",
	}, args...)...)
}

// answers sends operations to a gateway in one request, which runs them at the same time.
func (s *site) answers(p *program, operations []string) (all []string, err error) {
	var batch []map[string]string
	for _, o := range operations {
		batch = append(batch, map[string]string{"query": o})
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return nil, err
	}
	resp, err := client.Post(p.graphql, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answers []json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&answers); err != nil {
		return nil, err
	}
	for _, a := range answers {
		all = append(all, string(a))
	}
	return all, nil
}

// A caller's limit holds over all gateways together.
func TestGatewaysLimitCallersTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const limit = 600
	began := time.Now()
	var all sync.WaitGroup
	var passed atomic.Int64
	for range 3 {
		p := s.gateway("--cost-per-minute", strconv.Itoa(limit))
		all.Go(func() {
			answers, err := s.answers(p, slices.Repeat([]string{"{ __typename }"}, limit/2))
			if err != nil {
				t.Error(err)
			}
			for _, a := range answers {
				if !strings.Contains(a, `"errors"`) {
					passed.Add(1)
				} else if !strings.Contains(a, `"code":"RATE_LIMITED"`) || !strings.Contains(a, `"retryAfterMs":`) {
					t.Error(a)
				}
			}
		})
	}
	all.Wait()
	restored := time.Since(began).Minutes() * limit
	if n := float64(passed.Load()); n < 0.98*limit || n > 1.02*limit+restored {
		t.Errorf("%v operations passed, want %d, and at most %.1f for the time that they took", n, limit, restored)
	}
}
