package storetest_test

import (
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/storetest"
)

func TestTheMemoryStoreKeepsItsPromises(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) finapi.Store { return &finapi.MemoryStore{} })
}
