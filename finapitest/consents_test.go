package finapitest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

func TestAConsentThatIsRevokedAtTheBankLooksFineUntilTheNextUpdate(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.sim.RevokeConsent(e.id)
	if i := e.firstInterface(); i["aisConsent"].(object)["status"] != "PRESENT" || i["userActionRequired"] != false {
		t.Errorf("interface is %v", i)
	}
	task := e.update(e.connection, nil)
	if i := e.firstInterface(); task["status"] != "WEB_FORM_REQUIRED" || i["aisConsent"].(object)["status"] != "NOT_PRESENT" || i["userActionRequired"] != true {
		t.Errorf("task is %v, interface %v", task, i)
	}
	if err := e.sim.Approve(task["payload"].(object)["webForm"].(object)["url"].(string)); err != nil {
		t.Fatal(err)
	}
	e.ready(e.connection)
	if task := e.update(e.connection, nil); task["status"] != "COMPLETED" {
		t.Errorf("task after the renewal is %v", task)
	}
}

func TestTheBankDecidesWhatBecomesOfADeletedConsent(t *testing.T) {
	t.Parallel()
	deleted := func(remote string) object { return object{"local": "DELETED", "remote": remote} }
	for _, tt := range []struct {
		name    string
		arrange func(e erp)
		force   string
		status  int
		want    object
	}{
		{"it deletes", func(erp) {}, "", 200, deleted("DELETED")},
		{"it refuses", func(e erp) { e.sim.SetConsentDeletion(e.id, "NOT_DELETED") }, "", 422, nil},
		{"it refuses although forced", func(e erp) { e.sim.SetConsentDeletion(e.id, "NOT_DELETED") }, "&forceDeletion=true", 200, deleted("NOT_DELETED")},
		{"it cannot", func(e erp) { e.sim.SetConsentDeletion(e.id, "NOT_SUPPORTED") }, "&forceDeletion=false", 200, deleted("NOT_SUPPORTED")},
		{"it has none any more", func(e erp) { e.sim.RevokeConsent(e.id) }, "", 200, deleted("NOT_EXIST")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t)
			tt.arrange(e)
			r := e.access("DELETE", "/api/v2/bankConnections/"+e.connection+"/aisConsent?bankingInterface=XS2A"+tt.force, nil).want(tt.status)
			consent := e.firstInterface()["aisConsent"].(object)["status"]
			if tt.want == nil {
				if r.code() != "INVALID_CONSENT" || consent != "PRESENT" {
					t.Errorf("code is %s, consent %v", r.code(), consent)
				}
				return
			}
			if diff := cmp.Diff(tt.want, r.json()); diff != "" || consent != "NOT_PRESENT" {
				t.Errorf("consent is %v: %s", consent, diff)
			}
			if task := e.update(e.connection, nil); task["status"] != "WEB_FORM_REQUIRED" {
				t.Errorf("task is %v", task)
			}
		})
	}
	t.Run("the connection can be deleted in any case", func(t *testing.T) {
		t.Parallel()
		e := newERP(t)
		e.sim.SetConsentDeletion(e.id, "NOT_DELETED")
		e.access("DELETE", "/api/v2/bankConnections/"+e.connection, nil).want(200)
		if left := e.sim.Connections(); left != nil {
			t.Errorf("connections are %+v", left)
		}
	})
}

func TestAnInterfaceShowsWhatATestWritesIntoIt(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.sim.EditInterface(e.id, "XS2A", func(i *finapitest.ConnectionInterface) {
		i.Name = "WEB_SCRAPER"
		i.Consent.ExpiresAt, i.Consent.SupportsImportNewAccounts = time.Time{}, false
		i.LastAutoUpdate = &finapitest.UpdateResult{Result: "INTERNAL_SERVER_ERROR", ErrorMessage: "Wartung", ErrorType: "TECHNICAL", Timestamp: e.sim.Clock().Now()}
	})
	i := e.firstInterface()
	want := object{"status": "PRESENT", "expiresAt": nil, "supportsImportNewAccounts": false}
	if diff := cmp.Diff(want, i["aisConsent"]); diff != "" || i["bankingInterface"] != "XS2A" {
		t.Errorf("interface is %v: %s", i, diff)
	}
	if last := i["lastAutoUpdate"].(object); last["result"] != "INTERNAL_SERVER_ERROR" || last["errorType"] != "TECHNICAL" {
		t.Errorf("last update is %v", last)
	}
	e.sim.Clock().Advance(1000 * 24 * time.Hour)
	if task := e.update(e.connection, nil); task["status"] != "COMPLETED" {
		t.Errorf("a consent without an end has ended: %v", task)
	}
}

func TestConnectionsAreListedAsCopies(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	listed := e.sim.Connections()
	end := time.Date(2026, 5, 31, 8, 0, 0, 0, time.UTC)
	want := []finapitest.Connection{{
		ID: e.id, BankID: finapitest.AmnisID, UserID: "kunde",
		Interfaces: []finapitest.ConnectionInterface{{
			Name: "XS2A", Consent: &finapitest.Consent{Present: true, ExpiresAt: end, SupportsImportNewAccounts: true},
			LastManualUpdate: &finapitest.UpdateResult{Result: "OK", Timestamp: time.Date(2026, 3, 2, 8, 0, 6, 0, time.UTC)},
		}},
	}}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Error(diff)
	}
	listed[0].Interfaces[0].Consent.Present = false
	if !e.sim.Connections()[0].Interfaces[0].Consent.Present {
		t.Error("a copy changes the store")
	}
}
