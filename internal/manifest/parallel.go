package manifest

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls a function for the numbers below n, on all processors at once: documents of a file know nothing of each
// other. It returns when all calls have.
func Each(n int, call func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			call(i)
		}
		return
	}
	const batch = 8 // few enough to share the work evenly, many enough that sharing costs nothing
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				end := int(next.Add(batch))
				if end-batch >= n {
					return
				}
				for i := end - batch; i < min(end, n); i++ {
					call(i)
				}
			}
		})
	}
	all.Wait()
}
