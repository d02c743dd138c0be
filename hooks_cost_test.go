package finapi

import "testing"

func TestAClientWithoutHooksPaysNothingForThem(t *testing.T) {
	c := new(Client)
	ctx := t.Context()
	in := &call{endpoint: epAccount}
	allocations := testing.AllocsPerRun(100, func() {
		_, end := c.beginRequest(ctx, in)
		end(OperationEnd{Status: 200})
		_, end = c.begin(ctx, Operation{Kind: OperationSync})
		end(OperationEnd{})
	})
	if allocations != 0 {
		t.Errorf("it allocates %v times, want 0", allocations)
	}
}
