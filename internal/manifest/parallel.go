package manifest

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls a function for the numbers below n, on all processors at once: documents of a file know nothing of each
// other. It returns when all calls have.
func Each(n int, call func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				call(i)
			}
		})
	}
	all.Wait()
}
