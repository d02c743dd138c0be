package finapi_test

import (
	"fmt"
	"testing"

	"github.com/finapi-go/finapi"
)

func TestWhoActsDependsOnTheCodeAndElseOnTheStatus(t *testing.T) {
	t.Parallel()
	const vendor, customer, bank, server = finapi.ActorVendor, finapi.ActorCustomer, finapi.ActorBank, finapi.ActorFinAPI
	cases := []struct {
		status int
		code   finapi.Code
		want   finapi.Actor
	}{
		{422, finapi.CodeBankServerRejection, customer},
		{510, "ADDITIONAL_AUTHENTICATION_REQUIRED", customer},
		{422, "MISSING_CREDENTIALS", customer},
		{422, finapi.CodeNoAccountsForTypes, customer},
		{422, "NO_PSU_METADATA", vendor},
		{422, finapi.CodeIllegalEntityState, vendor},
		{404, finapi.CodeUnknownEntity, vendor},
		{403, finapi.CodeUnauthorized, vendor},
		{501, finapi.CodeUnsupportedBank, bank},
		{423, finapi.CodeLocked, server},
		{500, finapi.CodeUnexpected, server},
		{400, "A_CODE_OF_TOMORROW", vendor},
		{500, "A_CODE_OF_TOMORROW", server},
		{429, "A_CODE_OF_TOMORROW", server},
		{408, "A_CODE_OF_TOMORROW", server},
		{423, "A_CODE_OF_TOMORROW", server},
		{300, "A_CODE_OF_TOMORROW", server},
		{501, "A_CODE_OF_TOMORROW", bank},
		{451, "A_CODE_OF_TOMORROW", customer},
		{510, "A_CODE_OF_TOMORROW", customer},
	}
	for _, tt := range cases {
		e := refused(t, tt.status, fmt.Sprintf(`{"errors":[{"code":%q}]}`, tt.code))
		if e.Code != tt.code || e.Actor != tt.want {
			t.Errorf("%d %s: got code %s of %s, want %s", tt.status, tt.code, e.Code, e.Actor, tt.want)
		}
	}
}

func TestAnAnswerWithoutACodeIsNamedByItsStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]finapi.Code{
		300: finapi.CodeRedirected, 304: finapi.CodeRedirected, 399: finapi.CodeRedirected, 400: finapi.CodeHTTP, 599: finapi.CodeHTTP,
	} {
		same(t, want, refused(t, status, "").Code)
	}
}

func TestAnErrorSaysWhatToDoInTheLanguageOfTheReader(t *testing.T) {
	t.Parallel()
	const (
		busy    = "The bank connection is being updated; please try again in a few minutes."
		besetzt = "Die Bankverbindung wird gerade aktualisiert; bitte versuchen Sie es in einigen Minuten erneut."
	)
	e := refused(t, 423, `{"errors":[{"code":"LOCKED","message":"DE12999000010001234567"}]}`)
	for language, want := range map[finapi.Language]string{
		finapi.German: besetzt, finapi.English: busy, finapi.Czech: busy, finapi.Slovak: busy, "": busy, "fr": busy,
	} {
		same(t, want, e.Remedy(language))
		same(t, want, finapi.CodeLocked.Remedy(language))
	}
}

func TestAnErrorSaysWhenToCallAgain(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err  finapi.Error
		want finapi.RetryRule
	}{
		{finapi.Error{Code: finapi.CodeNetwork}, finapi.RetryLater},
		{finapi.Error{Status: 423, Code: finapi.CodeLocked}, finapi.RetryLater},
		{finapi.Error{Status: 423, Code: finapi.CodeUserLocked}, finapi.RetryAfterActor},
		{finapi.Error{Status: 401, Code: finapi.CodeInvalidToken}, finapi.RetryWithNewToken},
		{finapi.Error{Code: finapi.CodeInvalidToken}, finapi.RetryWithNewToken},
		{finapi.Error{Status: 400, Code: finapi.CodeInvalidGrant}, finapi.RetryAfterActor},
		{finapi.Error{Status: 400, Code: finapi.CodeBadRequest}, finapi.RetryNever},
		{finapi.Error{Status: 422, Code: finapi.CodeBankServerRejection}, finapi.RetryAfterActor},
		{finapi.Error{Status: 401, Code: finapi.CodeHTTP}, finapi.RetryWithNewToken},
		{finapi.Error{Status: 404, Code: finapi.CodeHTTP}, finapi.RetryNever},
		{finapi.Error{Status: 429, Code: finapi.CodeHTTP}, finapi.RetryLater},
		{finapi.Error{Status: 502, Code: finapi.CodeHTTP}, finapi.RetryLater},
		{finapi.Error{Status: 501, Code: finapi.CodeHTTP}, finapi.RetryAfterActor},
		{finapi.Error{Status: 418, Code: "A_CODE_OF_TOMORROW"}, finapi.RetryAfterActor},
		{finapi.Error{Actor: finapi.ActorBank, Code: "A_CODE_OF_TOMORROW"}, finapi.RetryLater},
		{finapi.Error{}, finapi.RetryAfterActor},
	}
	for _, tt := range cases {
		if got := tt.err.Retry(); got != tt.want {
			t.Errorf("%d %s: got %q, want %q", tt.err.Status, tt.err.Code, got, tt.want)
		}
	}
}

func TestAnUnknownCodeGetsARemedyByItsStatusOrItsActor(t *testing.T) {
	t.Parallel()
	const (
		vendor = "Check the call and the set-up of your client, and ask finAPI's support about the code if they are right."
		failed = "finAPI has a technical problem; please try again in a few minutes, and tell your software's vendor if that does not help."
		login  = "Please log in to your bank again in the form, and ask your bank if that does not help."
	)
	cases := []struct {
		err  finapi.Error
		want string
	}{
		{finapi.Error{Status: 403}, "Ask finAPI whether your client may make this call."},
		{finapi.Error{Status: 429}, "finAPI is asked too often at present; please try again later."},
		{finapi.Error{Status: 418}, vendor},
		{finapi.Error{Status: 502}, failed},
		{finapi.Error{}, vendor},
		{finapi.Error{Actor: finapi.ActorCustomer}, login},
		{finapi.Error{Status: 403, Actor: finapi.ActorCustomer}, login},
		{finapi.Error{Actor: "somebody new"}, failed},
	}
	for _, tt := range cases {
		for _, code := range []finapi.Code{"A_CODE_OF_TOMORROW", ""} {
			e := tt.err
			e.Code = code
			if got := e.Remedy(finapi.English); got != tt.want {
				t.Errorf("%d of %q: got %s", e.Status, e.Actor, got)
			}
		}
	}
	same(t, "Ask finAPI whether your client may make this call.",
		(&finapi.Error{Status: 403, Code: finapi.CodeHTTP, Actor: finapi.ActorVendor}).Remedy(finapi.English))
	same(t, vendor, finapi.Code("A_CODE_OF_TOMORROW").Remedy(finapi.English))
}
