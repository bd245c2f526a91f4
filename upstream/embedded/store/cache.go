package store

import (
	"container/list"
	"sync"
)

// blobKey names a blob for good: ids are never used again.
type blobKey struct {
	table table
	id    int64
}

type table uint8

const (
	pages table = iota
	blocks
)

// cache keeps the blobs that were used last, as many as fit.
type cache struct {
	mu    sync.Mutex
	limit int64
	used  int64
	blobs map[blobKey]*list.Element
	order list.List // of *cached, the last used in front
}

type cached struct {
	key  blobKey
	blob string
}

// cachedOverhead is about what an entry takes beside its blob.
const cachedOverhead = 200

func newCache(limit int64) *cache {
	return &cache{limit: limit, blobs: map[blobKey]*list.Element{}}
}

func (c *cache) get(k blobKey) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.blobs[k]
	if !ok {
		return "", false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).blob, true
}

// put keeps a blob.
func (c *cache) put(k blobKey, blob string) {
	size := int64(len(blob)) + cachedOverhead
	if size > c.limit/16 {
		return // one giant must not turn everything else out
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.blobs[k]; ok {
		return
	}
	c.used += size
	c.blobs[k] = c.order.PushFront(&cached{k, blob})
	for c.used > c.limit {
		last := c.order.Back()
		x := c.order.Remove(last).(*cached)
		delete(c.blobs, x.key)
		c.used -= int64(len(x.blob)) + cachedOverhead
	}
}
