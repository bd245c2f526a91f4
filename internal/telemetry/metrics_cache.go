package telemetry

// Lookup records a cache lookup. The result is "hit", "miss", "stale", "joined" or "failed".
func (m *Metrics) Lookup(endpoint, result string) { m.lookups.WithLabelValues(endpoint, result).Inc() }

// CacheUse describes the cache's contents.
type CacheUse struct {
	Answers         int
	Bytes, Capacity int64
}

// Cache adds metrics of the cache's contents, which use returns.
func (m *Metrics) Cache(use func() CacheUse) {
	m.Gauge("cache_entries",
		"Answers of the metrics API that the cache holds.", func() float64 { return float64(use().Answers) })
	m.Gauge("cache_bytes", "Memory used by the cache.", func() float64 { return float64(use().Bytes) })
	m.Gauge("cache_capacity_bytes",
		"Memory that the cache may use; 0 if it is off.", func() float64 { return float64(use().Capacity) })
}
