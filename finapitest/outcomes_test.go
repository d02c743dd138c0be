package finapitest_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

// erp is a customer with a connection at amnis.
type erp struct {
	*client
	connection string
	id         int64
}

func newERP(t *testing.T, options ...finapitest.Option) erp {
	t.Helper()
	sim := finapitest.New(t, append([]finapitest.Option{finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0)}, options...)...)
	c := customer(t, sim, "kunde")
	return erp{c, c.connect(finapitest.AmnisID), sim.Connections()[0].ID}
}

func (e erp) firstInterface() object {
	e.t.Helper()
	x := e.access("GET", "/api/v2/bankConnections/"+e.connection, nil).want(200).json()
	return objects(x["interfaces"])[0]
}

// taskForm lets the customer be needed and returns the form.
func (e erp) taskForm() (id, link string) {
	e.t.Helper()
	e.sim.ExpireConsent(e.id)
	form := e.update(e.connection, nil)["payload"].(object)["webForm"].(object)
	return form["id"].(string), form["url"].(string)
}

func TestAnImportFormEndsAsATestWishesWithOrWithoutAConnection(t *testing.T) {
	t.Parallel()
	for _, end := range []finapitest.FormEnd{
		{Status: "COMPLETED"},
		{Status: "EXPIRED"},
		{Status: "ABORTED"},
		{Status: "CANCELLED"},
		{Status: "COMPLETED_WITH_ERROR"},
		{Status: "COMPLETED_WITH_ERROR", ErrorCode: "UNEXPECTED_ACCESS_RESPONSE", ErrorMessage: "Wartung"},
	} {
		for _, connected := range []bool{false, true} {
			end := end
			end.Connected = connected
			t.Run(end.Status+" "+end.ErrorCode, func(t *testing.T) {
				t.Parallel()
				sim := finapitest.New(t, finapitest.WithEmptyWorld())
				c := customer(t, sim, "kunde")
				id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
				if err := sim.EndForm(link+waysBack(), end); err != nil {
					t.Fatal(err)
				}
				status, payload := c.formStatus(id)
				want := object{}
				if end.ErrorCode != "" {
					want = object{"errorCode": end.ErrorCode, "errorMessage": end.ErrorMessage}
				}
				if connected {
					want["bankConnectionId"] = payload["bankConnectionId"]
					c.ready(jsonString(payload["bankConnectionId"]))
				}
				if diff := cmp.Diff(want, payload); diff != "" || status != end.Status {
					t.Errorf("form is %s: %s", status, diff)
				}
				if n := len(sim.Accounts()); (n == 3) != connected || (n == 0) == connected {
					t.Errorf("%d accounts", n)
				}
				if err := sim.EndForm(link, end); err == nil {
					t.Error("a form ends twice")
				}
			})
		}
	}
}

func TestARenewalThatEndsBadlyStillNamesItsConnectionWhichNeedsTheCustomer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		end   finapitest.FormEnd
		needs bool
	}{
		{finapitest.FormEnd{Status: "ABORTED"}, true},
		{finapitest.FormEnd{Status: "EXPIRED"}, true},
		{finapitest.FormEnd{Status: "COMPLETED"}, true},
		{finapitest.FormEnd{Status: "COMPLETED_WITH_ERROR", ErrorCode: "BANK_SERVER_REJECTION"}, true},
		{finapitest.FormEnd{Status: "EXPIRED", Connected: true}, false},
	} {
		t.Run(tt.end.Status, func(t *testing.T) {
			t.Parallel()
			e := newERP(t)
			id, link := e.taskForm()
			if err := e.sim.EndForm(link, tt.end); err != nil {
				t.Fatal(err)
			}
			e.wantForm(id, tt.end.Status, tt.end.ErrorCode)
			if _, payload := e.formStatus(id); jsonString(payload["bankConnectionId"]) != e.connection {
				t.Errorf("payload is %v", payload)
			}
			if got := e.firstInterface()["userActionRequired"]; got != tt.needs {
				t.Errorf("userActionRequired is %v, want %v", got, tt.needs)
			}
		})
	}
}

func TestEndsThatTheContractDoesNotHaveAreRefused(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	id, link := c.startForm(object{})
	for _, tt := range []struct {
		link string
		end  finapitest.FormEnd
		want string
	}{
		{link, finapitest.FormEnd{Status: "IN_PROGRESS"}, "Status"},
		{link, finapitest.FormEnd{Status: "COMPLETED_WITH_ERROR", ErrorCode: "TEAPOT"}, "ErrorCode"},
		{link, finapitest.FormEnd{Status: "ABORTED", ErrorCode: "INTERNAL_ERROR"}, "ErrorCode"},
		{link, finapitest.FormEnd{Status: "COMPLETED", Connected: true}, "no bank"},
		{sim.WebFormURL() + "/wf/x", finapitest.FormEnd{Status: "EXPIRED"}, "no form"},
		{"%", finapitest.FormEnd{Status: "EXPIRED"}, "link"},
	} {
		if err := sim.EndForm(tt.link, tt.end); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error is %v, want one about %s", tt.end, err, tt.want)
		}
	}
	c.wantForm(id, "NOT_YET_OPENED", "")
}

func TestTheNextUpdatesFailAsATestWishes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		failure      finapitest.UpdateFailure
		code, result string
		kind         any
	}{
		{finapitest.UpdateFailure{Message: "Bitte im Online-Banking anmelden"}, "BANK_SERVER_REJECTION", "BANK_SERVER_REJECTION", "BUSINESS"},
		{finapitest.UpdateFailure{Message: "HBCI 9010", Type: "TECHNICAL"}, "BANK_SERVER_REJECTION", "BANK_SERVER_REJECTION", "TECHNICAL"},
		{finapitest.UpdateFailure{ErrorCode: "INTERNAL_ERROR", Message: "Fehler"}, "INTERNAL_ERROR", "INTERNAL_SERVER_ERROR", "TECHNICAL"},
		{finapitest.UpdateFailure{ErrorCode: "UNEXPECTED_ACCESS_RESPONSE", Message: "Fehler"}, "UNEXPECTED_ACCESS_RESPONSE", "INTERNAL_SERVER_ERROR", "TECHNICAL"},
		{finapitest.UpdateFailure{ErrorCode: "MANDATOR_MISCONFIGURATION", Message: "Fehler"}, "MANDATOR_MISCONFIGURATION", "OK", nil},
		{finapitest.UpdateFailure{ErrorCode: "INVALID_TOKEN", Message: "Fehler"}, "INVALID_TOKEN", "OK", nil},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			e := newERP(t)
			before := e.accounts()
			e.sim.FailUpdates(e.id, 2, tt.failure)
			for range 2 {
				task := e.update(e.connection, nil)
				payload := task["payload"].(object)
				if task["status"] != "COMPLETED_WITH_ERROR" || payload["errorCode"] != tt.code || payload["errorMessage"] != tt.failure.Message {
					t.Errorf("task is %v", task)
				}
			}
			if last := e.firstInterface()["lastManualUpdate"].(object); last["result"] != tt.result || last["errorType"] != tt.kind {
				t.Errorf("last update is %v", last)
			}
			if after := e.accounts(); after[0]["balance"] != before[0]["balance"] || objects(after[0]["interfaces"])[0]["status"] != "UPDATED" {
				t.Errorf("account is %v", after[0])
			}
			if task := e.update(e.connection, nil); task["status"] != "COMPLETED" {
				t.Errorf("third task is %v", task)
			}
		})
	}
}

func TestAFormCanBeCompletedAndItsUpdateFailAllTheSame(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	id, link := e.taskForm()
	e.sim.FailUpdates(e.id, 1, finapitest.UpdateFailure{Message: "Wartung"})
	if err := e.sim.Approve(link); err != nil {
		t.Fatal(err)
	}
	e.ready(e.connection)
	e.wantForm(id, "COMPLETED", "")
	i := e.firstInterface()
	if last := i["lastManualUpdate"].(object); last["result"] != "BANK_SERVER_REJECTION" || i["userActionRequired"] != false {
		t.Errorf("interface is %v", i)
	}
	e.sim.FailUpdates(e.id, 5, finapitest.UpdateFailure{})
	e.sim.FailUpdates(e.id, 0, finapitest.UpdateFailure{})
	if task := e.update(e.connection, nil); task["status"] != "COMPLETED" {
		t.Errorf("task is %v", task)
	}
}

func TestABusyConnectionIsLeftAloneUntilItIsFree(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	path := "/api/v2/bankConnections/" + e.connection
	update := object{"bankConnectionId": jsonNumber(e.connection), "importNewAccountsMode": "SKIP"}
	refused := func() {
		t.Helper()
		for _, r := range []reply{
			e.forms("POST", "/api/tasks/backgroundUpdate", update),
			e.access("PATCH", path, object{"name": "Neu"}),
			e.access("DELETE", path, nil),
			e.access("DELETE", path+"/aisConsent?bankingInterface=XS2A", nil),
			e.access("DELETE", "/api/v2/accounts/"+jsonString(e.accounts()[0]["id"]), nil),
			e.access("DELETE", "/api/v2/accounts", nil),
			e.access("DELETE", "/api/v2/bankConnections", nil),
			e.access("DELETE", "/api/v2/users", nil),
		} {
			r.want(423)
		}
		if x := e.access("GET", path, nil).want(200).json(); x["updateStatus"] != "IN_PROGRESS" || !e.sim.Connections()[0].Busy {
			t.Errorf("connection is %v", x)
		}
	}
	e.sim.KeepBusy(e.id, time.Minute)
	refused()
	e.sim.Clock().Advance(time.Minute)
	e.access("PATCH", path, object{"name": "Neu"}).want(200)
	e.sim.KeepBusy(e.id, math.MaxInt64) // stuck
	e.sim.Clock().Advance(365 * 24 * time.Hour)
	refused()
	e.sim.KeepBusy(e.id, 0)
	e.access("DELETE", "/api/v2/users", nil).want(200)
}

func TestWhatATestAsksForWronglyIsNotDone(t *testing.T) {
	t.Parallel()
	sim, err := finapitest.Start(finapitest.WithEmptyWorld()) // with New the test would fail
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	id := sim.Connections()[0].ID
	sim.FailUpdates(id, 1, finapitest.UpdateFailure{ErrorCode: "TEAPOT"})
	sim.FailUpdates(id, 1, finapitest.UpdateFailure{Type: "PERSONAL"})
	sim.FailUpdates(1, 1, finapitest.UpdateFailure{})
	sim.KeepBusy(1, time.Hour)
	sim.RevokeConsent(1)
	sim.SetConsentDeletion(1, "DELETED")
	sim.SetConsentDeletion(id, "PERHAPS")
	sim.EditInterface(1, "XS2A", func(*finapitest.ConnectionInterface) { t.Error("edited") })
	sim.EditInterface(id, "FINTS_SERVER", func(*finapitest.ConnectionInterface) { t.Error("edited") })
	if task := c.update(connection, nil); task["status"] != "COMPLETED" {
		t.Errorf("task is %v", task)
	}
}
