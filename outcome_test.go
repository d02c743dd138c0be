package finapi_test

import (
	"fmt"
	"testing"

	"github.com/finapi-go/finapi"
)

func TestEveryEndOfAFormIsOneOutcome(t *testing.T) {
	t.Parallel()
	const none, some = finapi.ConnectionID(0), finapi.ConnectionID(3540249)
	cases := []struct {
		status  finapi.ConsentStatus
		code    finapi.Code
		there   finapi.ConnectionID
		renewal bool
		want    finapi.Result
		problem finapi.Code // "" for none
	}{
		{finapi.ConsentNotOpened, "", none, false, finapi.ResultPending, ""},
		{finapi.ConsentInProgress, "", none, false, finapi.ResultPending, ""},
		{"A_STATUS_OF_TOMORROW", "", none, false, finapi.ResultPending, ""},

		{finapi.ConsentCompleted, "", some, false, finapi.ResultConnected, ""},
		{finapi.ConsentCompleted, "", none, false, finapi.ResultFailed, finapi.CodeConsentFailed},
		{finapi.ConsentCompleted, finapi.CodeInternalError, some, false, finapi.ResultConnected, finapi.CodeInternalError},
		{finapi.ConsentFailed, finapi.CodeBankServerRejection, none, false, finapi.ResultFailed, finapi.CodeBankServerRejection},
		{finapi.ConsentFailed, "", none, false, finapi.ResultFailed, finapi.CodeConsentFailed},
		{finapi.ConsentExpired, "", none, false, finapi.ResultExpired, finapi.CodeConsentExpired},
		{finapi.ConsentAborted, "", none, false, finapi.ResultAborted, finapi.CodeConsentAborted},
		{finapi.ConsentCancelled, "", none, false, finapi.ResultCancelled, finapi.CodeConsentCancelled},

		// The form ended badly, and left a connection behind all the same.
		{finapi.ConsentFailed, finapi.CodeInterrupted, some, false, finapi.ResultConnected, finapi.CodeInterrupted},
		{finapi.ConsentExpired, "", some, false, finapi.ResultConnected, finapi.CodeConsentExpired},
		{finapi.ConsentAborted, "", some, false, finapi.ResultConnected, finapi.CodeConsentAborted},
		{finapi.ConsentCancelled, "", some, false, finapi.ResultConnected, finapi.CodeConsentCancelled},

		// A renewal names its connection in any case.
		{finapi.ConsentCompleted, "", some, true, finapi.ResultRenewed, ""},
		{finapi.ConsentFailed, finapi.CodeBankServerRejection, some, true, finapi.ResultFailed, finapi.CodeBankServerRejection},
		{finapi.ConsentExpired, "", some, true, finapi.ResultExpired, finapi.CodeConsentExpired},
		{finapi.ConsentAborted, "", some, true, finapi.ResultAborted, finapi.CodeConsentAborted},
		{finapi.ConsentCancelled, "", some, true, finapi.ResultCancelled, finapi.CodeConsentCancelled},
		{finapi.ConsentNotOpened, "", some, true, finapi.ResultPending, ""},
	}
	for _, tt := range cases {
		name := fmt.Sprintf("%s %s, connection %d, renewal %v", tt.status, tt.code, tt.there, tt.renewal)
		consent := finapi.Consent{Status: tt.status, ErrorCode: tt.code, Connection: tt.there, Renewal: tt.renewal}
		got := consent.Outcome()
		if got.Result != tt.want || got.Connection != tt.there {
			t.Errorf("%s: got %s with connection %d, want %s", name, got.Result, got.Connection, tt.want)
		}
		code := finapi.Code("")
		if got.Problem != nil {
			code = got.Problem.Code
			if got.Problem.Actor == "" || got.Problem.Remedy(finapi.German) == got.Problem.Remedy(finapi.English) {
				t.Errorf("%s: the problem names no actor or no remedy: %v", name, got.Problem)
			}
		}
		if code != tt.problem {
			t.Errorf("%s: the problem is %q, want %q", name, code, tt.problem)
		}
		good := tt.want == finapi.ResultPending || tt.want == finapi.ResultConnected || tt.want == finapi.ResultRenewed
		if (consent.Err() == nil) != good {
			t.Errorf("%s: Err gives %v", name, consent.Err())
		}
	}
}

func TestTheBanksWordsForTheCustomerAreKeptApart(t *testing.T) {
	t.Parallel()
	rejected := finapi.Consent{
		Status: finapi.ConsentFailed, ErrorCode: finapi.CodeBankServerRejection, ErrorMessage: "Ihr Zugang ist gesperrt.",
	}
	same(t, "Ihr Zugang ist gesperrt.", rejected.Outcome().Problem.CustomerText())
	technical := finapi.Consent{Status: finapi.ConsentFailed, ErrorCode: finapi.CodeInternalError, ErrorMessage: "NullPointerException"}
	same(t, "", technical.Outcome().Problem.CustomerText())
	same(t, "NullPointerException", technical.Outcome().Problem.Message)
	silent := finapi.Consent{Status: finapi.ConsentExpired}
	same(t, "", silent.Outcome().Problem.CustomerText())
	same(t, "", refused(t, 422, `{"errors":[{"code":"X","type":"TECHNICAL","message":"a"}]}`).CustomerText())
	same(t, "b", refused(t, 422, `{"errors":[{"code":"X","type":"TECHNICAL","message":"a"},{"code":"Y","type":"BUSINESS","message":"b"}]}`).CustomerText())
}
