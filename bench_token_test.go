package finapi

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi/internal/measure"
)

// BenchmarkToken has 1,000 goroutines ask for the same token, 100 times each, from a source
// that has none at first. It is compared with the least that sharing it safely takes: to look
// at it and at the clock behind a mutex.
func BenchmarkToken(b *testing.B) {
	const goroutines, calls = 1000, 100
	var fetched atomic.Int64
	fetch := func(context.Context, Secret) (token, error) {
		fetched.Add(1)
		end := time.Now().Add(time.Hour)
		return token{value: NewSecret("token"), expires: end, renew: end.Add(-earlyRenewal)}, nil
	}
	crowd := func(ask func() error) func() error {
		return func() error {
			var all sync.WaitGroup
			var failed atomic.Pointer[error]
			for range goroutines {
				all.Go(func() {
					for range calls {
						if err := ask(); err != nil {
							failed.Store(&err)
						}
					}
				})
			}
			all.Wait()
			if err := failed.Load(); err != nil {
				return *err
			}
			return nil
		}
	}
	var rounds atomic.Int64
	shared := struct {
		sync.Mutex
		token
	}{token: token{value: NewSecret("token"), renew: time.Now().Add(time.Hour)}}
	costs := measure.Rounds(b, measure.CPUTime,
		measure.Contender{Name: "sdk", Run: func() error {
			rounds.Add(1)
			source := newTokenSource(systemClock{}, fetch)
			return crowd(func() error {
				_, err := source.token(b.Context(), 0)
				return err
			})()
		}},
		measure.Contender{Name: "mutex", Run: crowd(func() error {
			shared.Lock()
			defer shared.Unlock()
			if !time.Now().Before(shared.renew) {
				return context.DeadlineExceeded
			}
			return nil
		})},
	)
	b.ReportMetric(float64(fetched.Load())/float64(rounds.Load()), "requests")
	b.ReportMetric(costs.Ratio("sdk", "mutex"), "sdk/mutex")
	b.ReportMetric(float64(costs.Median("sdk"))/goroutines/calls, "ns/call")
}
