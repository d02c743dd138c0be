package finapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

func theReadyConnection() finapi.Connection {
	manual := &finapi.UpdateResult{Result: "OK", Time: instant("2026-11-20T06:00:09.12+01:00")}
	return finapi.Connection{
		ID: 3540249, Name: "Hausbank", Bank: theBank(), Accounts: []finapi.AccountID{3587742, 3587743, 3587744},
		UpdateStatus: finapi.ConnectionReady, CategorizationStatus: "READY",
		Interfaces: []finapi.ConnectionInterface{
			{
				Interface: finapi.XS2A, LastManual: manual,
				Consent: &finapi.BankConsent{Present: true, Expires: instant("2027-02-14T10:21:33+01:00"), NewAccounts: true},
			},
			{
				Interface: finapi.FinTS, MaxDays: 90, LastManual: manual, StoredFields: []string{"VR-NetKey oder Alias", "PIN"},
				Procedures: []finapi.Procedure{{ID: "942", Name: "SecureGo plus (Freigabe in der App)"}},
			},
		},
	}
}

// readConnection reads a connection from a fixture.
func readConnection(tb testing.TB, name string) finapi.Connection {
	tb.Helper()
	server := newStub(tb)
	server.on(connectionRoute, fixtureReply(tb, name))
	connection, err := server.user().Connection(tb.Context(), 3540249)
	must(tb, err)
	return connection
}

func TestAConnectionIsReadWithItsConsents(t *testing.T) {
	t.Parallel()
	same(t, theReadyConnection(), readConnection(t, "bank_connection_ready.json"))
}

func TestTheOwnersOfTheAccountsAreRead(t *testing.T) {
	t.Parallel()
	want := []finapi.Owner{
		{
			FirstName: "Erika", LastName: "Mustermann", Email: "erika@beispiel.example", Street: "Musterweg", HouseNumber: "1a",
			PostCode: "99999", City: "Musterstadt", Country: "Deutschland",
		},
		{LastName: "Beispiel GmbH"},
	}
	same(t, want, readConnection(t, "bank_connection_owners.json").Owners)
	server := newStub(t)
	server.on(connectionRoute, reply{body: `{"id":1,"updateStatus":"READY","bank":{"id":1,"name":"x"},"owners":[{"salutation":"Frau","title":"Dr.",` +
		`"dateOfBirth":"1974-02-28"}]}`})
	got, err := server.user().Connection(t.Context(), 3540249)
	must(t, err)
	same(t, []finapi.Owner{{Salutation: "Frau", Title: "Dr.", Birth: date(1974, 2, 28)}}, got.Owners)
}

func TestTheWaysOfStrongAuthenticationAreRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(connectionRoute, reply{body: `{"id":1,"updateStatus":"READY","bank":{"id":1,"name":"x"},"interfaces":[{"bankingInterface":"FINTS_SERVER",` +
		`"defaultTwoStepProcedureId":"955","loginCredentials":[],"lastAutoUpdate":{"result":"BANK_SERVER_REJECTION","errorMessage":"Bitte PIN ändern",` +
		`"errorType":"BUSINESS","timestamp":"2026-11-20T03:00:00.000+01:00"},"twoStepProcedures":[{"procedureId":"955","procedureName":"photoTAN",` +
		`"procedureChallengeType":"PHOTO","implicitExecute":true}]}]}`})
	got, err := server.user().Connection(t.Context(), 3540249)
	must(t, err)
	same(t, []finapi.ConnectionInterface{{
		Interface: finapi.FinTS, DefaultProcedure: "955",
		Procedures: []finapi.Procedure{{ID: "955", Name: "photoTAN", Kind: "PHOTO", Implicit: true}},
		LastAuto: &finapi.UpdateResult{
			Result: "BANK_SERVER_REJECTION", Message: "Bitte PIN ändern", ForCustomer: true, Time: instant("2026-11-20T03:00:00+01:00"),
		},
	}}, got.Interfaces)
}

func TestWhatBecameOfAConsentIsTold(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]finapi.ConsentDeleted{
		"consent_deleted.json":            {AtFinAPI: "DELETED", AtBank: "DELETED"},
		"consent_deleted_local_only.json": {AtFinAPI: "DELETED", AtBank: "NOT_SUPPORTED"},
		"consent_not_existing.json":       {AtFinAPI: "NOT_EXIST", AtBank: "NOT_EXIST"},
	} {
		server := newStub(t)
		server.on(deleteConsentRoute, fixtureReply(t, name))
		got, err := server.user().DeleteConsent(t.Context(), finapi.ConsentDeletion{Connection: 3540249, Interface: finapi.XS2A})
		must(t, err)
		same(t, want, got)
	}
}

func TestABankThatDoesNotEndTheConsentIsAnError(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(deleteConsentRoute, reply{status: 422, body: fixture(t, "error_422_invalid_consent.json")})
	got, err := server.user().DeleteConsent(t.Context(), finapi.ConsentDeletion{Connection: 3540249, Interface: finapi.XS2A})
	mustFail(t, err, finapi.CodeInvalidConsent)
	same(t, finapi.ConsentDeleted{}, got)
}

func TestARenamedConnectionIsReturned(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(renameRoute, fixtureReply(t, "bank_connection_ready.json"))
	got, err := server.user().RenameConnection(t.Context(), 3540249, "Hausbank")
	must(t, err)
	same(t, theReadyConnection(), got)
}

func TestAConnectionMayLackAllThatIsOptional(t *testing.T) {
	t.Parallel()
	same(t, finapi.Connection{
		ID: 3540250, Bank: theUnsupportedBank(), Accounts: []finapi.AccountID{}, UpdateStatus: "READY", CategorizationStatus: "READY",
		Interfaces: []finapi.ConnectionInterface{{Interface: finapi.XS2A}},
	}, readConnection(t, "bank_connection_minimal.json"))
}

func TestAConnectionOfANewerServerIsRead(t *testing.T) {
	t.Parallel()
	want := theReadyConnection()
	want.UpdateStatus = "QUEUED"
	want.Interfaces[0].Consent.Present = false
	for i := range want.Interfaces {
		want.Interfaces[i].LastManual = &finapi.UpdateResult{Result: "RATE_LIMITED", Time: instant("2026-11-20T06:00:09.12+01:00")}
	}
	same(t, want, readConnection(t, "bank_connection_unknown_values.json"))
}

func TestWhatAConnectionTellsAboutItsConsent(t *testing.T) {
	t.Parallel()
	cases := []struct {
		fixture                string
		ready, action, present bool // present: of the first interface
		consent                bool // the first interface has one
		expires                time.Time
	}{
		{"bank_connection_ready.json", true, false, true, true, instant("2027-02-14T10:21:33+01:00")},
		{"bank_connection_in_progress.json", false, false, true, true, instant("2027-02-14T10:21:33+01:00")},
		{"bank_connection_consent_null.json", true, false, false, false, time.Time{}},
		{"bank_connection_consent_no_expiry.json", true, false, true, true, time.Time{}},
		{"bank_connection_consent_expired.json", true, true, false, true, instant("2026-08-22T10:21:33+02:00")},
		{"bank_connection_consent_expired_present.json", true, false, true, true, instant("2026-08-22T10:21:33+02:00")},
		{"bank_connection_user_action_required.json", true, true, true, true, instant("2027-02-14T10:21:33+01:00")},
		{"bank_connection_update_failed.json", true, false, true, true, instant("2027-02-14T10:21:33+01:00")},
		{"bank_connection_minimal.json", true, false, false, false, time.Time{}},
		{"bank_connection_unknown_values.json", false, false, false, true, instant("2027-02-14T10:21:33+01:00")},
	}
	for _, tt := range cases {
		t.Run(tt.fixture, func(t *testing.T) {
			t.Parallel()
			c := readConnection(t, tt.fixture)
			consent := c.Interfaces[0].Consent
			same(t, tt.ready, c.Ready())
			same(t, tt.action, c.ActionRequired())
			same(t, tt.consent, consent != nil)
			same(t, tt.present, consent != nil && consent.Present)
			same(t, tt.expires, c.Expires())
		})
	}
}

func TestTheConsentThatEndsFirstCounts(t *testing.T) {
	t.Parallel()
	early, late := instant("2026-12-01T00:00:00Z"), instant("2027-01-01T00:00:00Z")
	consents := func(ends ...time.Time) finapi.Connection {
		c := finapi.Connection{Interfaces: []finapi.ConnectionInterface{{}}}
		for _, end := range ends {
			c.Interfaces = append(c.Interfaces, finapi.ConnectionInterface{Consent: &finapi.BankConsent{Expires: end}})
		}
		return c
	}
	for _, ends := range [][]time.Time{{early, late}, {late, early}, {{}, late, early}, {early}} {
		c := consents(ends...)
		same(t, early, c.Expires())
	}
}

func TestTheLastUpdateOfAConnectionIsTold(t *testing.T) {
	t.Parallel()
	failed := readConnection(t, "bank_connection_update_failed.json").Interfaces[0]
	same(t, &finapi.UpdateResult{
		Result: "INTERNAL_SERVER_ERROR", Message: "Die Bank ist zurzeit nicht erreichbar.", Time: failed.LastManual.Time,
	}, failed.LastManual)
	same(t, (*finapi.UpdateResult)(nil), failed.LastAuto)
	expired := readConnection(t, "bank_connection_consent_expired.json").Interfaces[0]
	same(t, "Die Einwilligung ist abgelaufen.", expired.LastAuto.Message)
	for _, result := range []*finapi.UpdateResult{failed.LastManual, expired.LastManual, expired.LastAuto} {
		if result.Time.Year() != 2026 {
			t.Errorf("an update has the time %v", result.Time)
		}
	}
}

func TestAllConnectionsAreRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/bankConnections", fixtureReply(t, "bank_connections.json"), fixtureReply(t, "bank_connections_empty.json"))
	user := server.user()
	got, err := user.Connections(t.Context())
	must(t, err)
	var ids []finapi.ConnectionID
	for _, c := range got {
		ids = append(ids, c.ID)
	}
	same(t, []finapi.ConnectionID{3540249, 3540311, 2147483648}, ids)
	same(t, theReadyConnection(), got[0])
	got, err = user.Connections(t.Context())
	must(t, err)
	same(t, []finapi.Connection{}, got)
}

func TestAConnectionIDMustBePositive(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	for _, id := range []finapi.ConnectionID{0, -1} {
		_, err := server.user().Connection(t.Context(), id)
		mustRefuse(t, err, "ConnectionID")
		_, err = server.user().WaitReady(t.Context(), id)
		mustRefuse(t, err, "ConnectionID")
	}
}

func TestAConnectionOfAnotherUserIsUnknown(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(connectionRoute, reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	got, err := server.user().Connection(t.Context(), 3540249)
	mustFail(t, err, finapi.CodeUnknownEntity)
	same(t, finapi.Connection{}, got)
}

func TestWaitReadyPollsUntilTheConnectionIsAtRest(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	busy := fixtureReply(t, "bank_connection_in_progress.json")
	server.on(connectionRoute, busy, busy, fixtureReply(t, "bank_connection_ready.json"))
	connection, err := server.user().WaitReady(t.Context(), 3540249)
	must(t, err)
	same(t, theReadyConnection(), connection)
	for _, d := range server.clock.sleeps() {
		if d < time.Second {
			t.Errorf("polled after %v", d)
		}
	}
}

func TestWaitReadyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(connectionRoute, fixtureReply(t, "bank_connection_in_progress.json"))
	ctx, cancel := context.WithCancel(t.Context())
	server.clock.onSleep = cancel
	connection, err := server.user().WaitReady(ctx, 3540249)
	if !errors.Is(err, context.Canceled) || connection.UpdateStatus != finapi.ConnectionBusy {
		t.Errorf("got %v and status %q", err, connection.UpdateStatus)
	}
}

func TestAConnectionWithoutAnIDOrAStatusIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"updateStatus":"READY"}`, `{"id":1}`, `{"id":1,"updateStatus":null}`, `{"id":1,"updateStatus":"READY","bank":{}}`} {
		server := newStub(t)
		server.on(connectionRoute, reply{body: body})
		_, err := server.user().Connection(t.Context(), 3540249)
		mustFail(t, err, finapi.CodeUnreadable)
	}
}
