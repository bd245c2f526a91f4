//go:build !linux

package sqlite_test

import "time"

func threadCPU() time.Duration  { return 0 }
func processCPU() time.Duration { return 0 }
