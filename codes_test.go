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
		{300, "A_CODE_OF_TOMORROW", server},
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
