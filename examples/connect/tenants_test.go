package main

import (
	"strings"
	"testing"
)

func TestTwoTenantsCannotSeeEachOther(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	one, two := signedIn(t, a, "muster"), signedIn(t, a, "beispiel")
	one.connect(amnis).chooseAll()
	connection := one.find(`href="(/connections/\d+)/choose"`)
	account := one.find(`href="(/accounts/\d+)"`)
	two.connect(sparkasse).chooseAll()

	nowhere := two.get("/connections/999999/choose").reads(404).text()
	for _, page := range []string{account, account + "?words=miete", connection + "/choose", connection + "/disconnect"} {
		two.get(page).reads(404)
		if two.text() != nowhere {
			t.Errorf("%s of another tenant answers otherwise than one that does not exist:\n%s", page, two.text())
		}
	}
	two.get("/accounts")
	for _, path := range []string{"/refresh", "/renew", "/disconnect", "/choose"} {
		two.get("/accounts")
		two.post(connection + path).reads(404)
	}
	two.get("/accounts")
	two.post(account+"/review", "uid", "x", "decision", "book").reads(404)
	two.get("/accounts").readsNot("amnis", "1,217.52")
	two.get("/history").readsNot("amnis")
	for _, id := range []string{"1", "2", "3"} { // what the other was told
		two.get("/accounts?told=" + id).readsNot("3 accounts are read")
	}
	one.get("/accounts").reads(200, "Up to date")
	one.get(account).reads(200, "3 bookings")
}

func TestTheWorkOfAnotherTenantIsNotFound(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	one, two := signedIn(t, a, "muster"), signedIn(t, a, "beispiel")
	one.connect(amnis).chooseAll()
	a.revokeAll()
	one.post(one.find(`action="(/connections/\d+/refresh)"`)).settle()
	if !strings.HasPrefix(one.at.Path, "/work/") {
		t.Fatalf("the bank's question is shown at %s", one.at.Path)
	}
	two.get(one.at.Path).reads(404)
}

func TestEachTenantHasAUserOfItsOwnAndTheyAreSealed(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	signedIn(t, a, "muster").connect(amnis)
	signedIn(t, a, "beispiel").connect(amnis)
	users := map[string]bool{}
	for _, c := range a.sim.Connections() {
		users[c.UserID] = true
	}
	if len(users) != 2 {
		t.Errorf("two tenants share %d users at finAPI", len(users))
	}
	rows, err := a.books.db.QueryContext(t.Context(), `SELECT sealed FROM finapi_user`)
	sealed, err := collect(rows, err, func(s *string) []any { return []any{s} })
	if err != nil || len(sealed) != 2 {
		t.Fatalf("%d users are kept (%v), want 2", len(sealed), err)
	}
	for _, s := range sealed {
		for user := range users {
			if strings.Contains(s, user) {
				t.Error("a user is kept in clear")
			}
		}
	}
}
