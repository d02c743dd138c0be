package finapi

import "net/http"

// RetryRule says when the same call may be made again after an [Error].
type RetryRule string

// The rules. The set is open: treat an unknown one like [RetryAfterActor].
const (
	// RetryNever: the same call fails again; it takes another one.
	RetryNever RetryRule = "never"
	// RetryWithNewToken: the token died, and a new one may do. A call is made again
	// with a new token once by itself. A form or an update that ended like this must
	// be started again.
	RetryWithNewToken RetryRule = "with a new token"
	// RetryLater: waiting helps, often some minutes, and [Error.RetryAfter] at least.
	RetryLater RetryRule = "later"
	// RetryAfterActor: nothing changes before [Error.Actor] has acted.
	RetryAfterActor RetryRule = "after the actor has acted"
)

// Retry says when the same call may be made again. It judges the cause only: if a
// call that this package never repeats by itself, such as [Client.CreateUser],
// failed on its way, then it may have worked all the same. Look before making it
// again.
func (e *Error) Retry() RetryRule { return e.advice().retry }

// Remedy tells in one sentence what [Error.Actor] should do. It is written for the
// vendor if that is [ActorVendor], and else for the customer, who may be shown it.
// It holds nothing personal. It comes in German and English; every other language
// gives English. A code that is unknown gets a sentence that fits its status or
// its actor.
//
// The bank's own words, if there are any, often say more: see
// [ErrorDetail.ForCustomer].
func (e *Error) Remedy(l Language) string { return e.advice().in(l) }

func (e *Error) advice() advice {
	a := adviceFor(e.Code, e.Status)
	if _, known := remedies[e.Code]; !known && e.Actor != "" && e.Actor != a.actor {
		return adviceTo(e.Actor)
	}
	return a
}

// Remedy does for a code alone what [Error.Remedy] does, for example for
// [Consent.ErrorCode].
func (c Code) Remedy(l Language) string { return adviceFor(c, noStatus).in(l) }

// noStatus is the status of a code that did not come with one: from a form, from
// an update, or from this package itself.
const noStatus = 0

// advice is what is known about a code.
type advice struct {
	// documented are the statuses that finAPI's documents name for the code,
	// guessed those that nobody names. No status at all: unknown, or any.
	documented, guessed []int
	actor               Actor
	retry               RetryRule
	english, german     string
}

func (a advice) in(l Language) string {
	if l == German {
		return a.german
	}
	return a.english
}

// actorOf tells who must act.
func actorOf(code Code, status int) Actor { return adviceFor(code, status).actor }

// adviceFor finds the advice on a code, or on a status if the code is unknown.
// What has no rule is the vendor's below 500: a wrong input, a missing right, a
// wrong configuration.
func adviceFor(code Code, status int) advice {
	if a, ok := remedies[code]; ok && (code != CodeHTTP || status == noStatus) {
		return a
	}
	if a, ok := remediesByStatus[status]; ok {
		return a
	}
	if status >= 400 && status < 500 || status == noStatus && !ownCode(code) {
		return adviceTo(ActorVendor) // without a status: a new code of a form or an update
	}
	return adviceTo(ActorFinAPI)
}

// adviceTo is the advice when only the actor is known.
func adviceTo(actor Actor) advice {
	if a, ok := remediesByActor[actor]; ok {
		return a
	}
	return remediesByActor[ActorFinAPI]
}

// remedies is the table of all codes. docs/errors.md shows it, and tests compare it
// with finAPI's contract.
var remedies = map[Code]advice{
	// This package.
	CodeInvalidInput: {
		documented: []int{noStatus}, actor: ActorVendor, retry: RetryNever,
		english: "Correct the input that the error names.",
		german:  "Korrigieren Sie die Eingabe, die der Fehler nennt.",
	},
	CodeNetwork: {
		actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI cannot be reached; please check the internet connection and try again in a few minutes.",
		german:  "finAPI ist nicht erreichbar; bitte prüfen Sie die Internetverbindung und versuchen Sie es in einigen Minuten erneut.",
	},
	CodeBadCertificate: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI's certificate cannot be verified; please check this computer's clock, and whether a proxy opens its encrypted connections.",
		german:  "finAPIs Zertifikat lässt sich nicht prüfen; bitte prüfen Sie die Uhr dieses Rechners, und ob ein Proxy verschlüsselte Verbindungen öffnet.",
	},
	CodeHostDown: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI has been out of order for a while; please try again in a few minutes.",
		german:  "finAPI ist seit einiger Zeit gestört; bitte versuchen Sie es in einigen Minuten erneut.",
	},
	CodeUnreadable: {
		actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI's answer could not be read; please try again later, and tell your software's vendor if that does not help.",
		german:  "Die Antwort von finAPI war nicht lesbar; bitte versuchen Sie es später erneut und informieren Sie sonst Ihren Softwareanbieter.",
	},
	CodeTooLarge: {
		actor: ActorFinAPI, retry: RetryAfterActor,
		english: "finAPI's answer was too large to be read; please tell your software's vendor.",
		german:  "Die Antwort von finAPI war zu groß zum Lesen; bitte informieren Sie Ihren Softwareanbieter.",
	},
	CodeRedirected: {
		actor: ActorFinAPI, retry: RetryAfterActor,
		english: "finAPI pointed to another address, which is not followed for safety; please tell your software's vendor.",
		german:  "finAPI hat auf eine andere Adresse verwiesen, der zur Sicherheit nicht gefolgt wird; bitte informieren Sie Ihren Softwareanbieter.",
	},
	CodeIncomplete: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryLater,
		english: "The data changed while they were read; please try again in a few minutes.",
		german:  "Die Daten haben sich während des Lesens geändert; bitte versuchen Sie es in einigen Minuten erneut.",
	},
	CodeUserLocked: {
		documented: []int{http.StatusLocked}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Unlock the user by changing its password at finAPI, and store the new one.",
		german:  "Entsperren Sie den Benutzer, indem Sie sein Passwort bei finAPI ändern, und speichern Sie das neue.",
	},
	CodeHTTP: { // an Error with a status gets what is said on the status
		actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI gave no reason for the failure; please try again later, and tell your software's vendor if that does not help.",
		german:  "finAPI hat keinen Grund genannt; bitte versuchen Sie es später erneut und informieren Sie sonst Ihren Softwareanbieter.",
	},
	CodeStaleData: {
		documented: []int{noStatus}, actor: ActorBank, retry: RetryLater,
		english: "The bank has not delivered the account's data; please try again later, and check whether the account still exists.",
		german:  "Die Bank hat die Daten des Kontos nicht geliefert; bitte versuchen Sie es später erneut und prüfen Sie, ob das Konto noch besteht.",
	},
	CodeConflict: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryLater,
		english: "The account is being synchronised already; please try again in a moment.",
		german:  "Das Konto wird bereits abgeglichen; bitte versuchen Sie es gleich noch einmal.",
	},
	CodeLedgerBound: {
		documented: []int{noStatus}, actor: ActorVendor, retry: RetryNever,
		english: "Open the feed with the account that the ledger belongs to, or give the other account a ledger of its own.",
		german:  "Öffnen Sie den Feed mit dem Konto, zu dem das Ledger gehört, oder geben Sie dem anderen Konto ein eigenes Ledger.",
	},
	CodeForeignURL: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryAfterActor,
		english: "The form was not opened, because its address is not finAPI's; please tell your software's vendor.",
		german:  "Das Formular wurde nicht geöffnet, weil seine Adresse nicht zu finAPI gehört; bitte informieren Sie Ihren Softwareanbieter.",
	},
	CodeConsentFailed: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "No account was connected; please open the form again and go through it to the end.",
		german:  "Es wurde kein Konto verbunden; bitte öffnen Sie das Formular erneut und gehen Sie es bis zum Ende durch.",
	},
	CodeConsentExpired: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "The form was not finished within 20 minutes; please start again and go through it in one go.",
		german:  "Das Formular wurde nicht innerhalb von 20 Minuten abgeschlossen; bitte beginnen Sie von vorn und gehen Sie es in einem Zug durch.",
	},
	CodeConsentAborted: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "You left the form before its end, so nothing was changed; please start again if that was not your intention.",
		german:  "Sie haben das Formular vor dem Ende verlassen, deshalb wurde nichts geändert; bitte beginnen Sie von vorn, wenn das nicht Ihre Absicht war.",
	},
	CodeConsentCancelled: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "The form was cancelled, so nothing was changed; please start again if you want to go on.",
		german:  "Das Formular wurde abgebrochen, deshalb wurde nichts geändert; bitte beginnen Sie von vorn, wenn Sie fortfahren möchten.",
	},
	CodeAlreadyConnected: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "This bank is connected already; please renew that connection, or confirm that you want to connect other accounts there.",
		german:  "Diese Bank ist bereits verbunden; bitte erneuern Sie diese Verbindung, oder bestätigen Sie, dass Sie dort andere Konten verbinden möchten.",
	},
	CodeReturnRefused: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "This link has expired or is not yours; please look at your connected accounts, and start again if need be.",
		german:  "Dieser Link ist abgelaufen oder nicht Ihrer; bitte prüfen Sie Ihre verbundenen Konten und beginnen Sie bei Bedarf von vorn.",
	},
	CodeReturnReplayed: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "You came back from the bank with this link before; please look at your connected accounts to see what came of it.",
		german:  "Mit diesem Link sind Sie schon einmal von der Bank zurückgekehrt; bitte sehen Sie bei Ihren verbundenen Konten nach, was daraus wurde.",
	},
	CodeUpdateLimit: {
		documented: []int{noStatus}, actor: ActorBank, retry: RetryLater,
		english: "The bank allows only four updates a day without you; please refresh yourself, or try again later.",
		german:  "Die Bank erlaubt nur vier Aktualisierungen am Tag ohne Ihr Zutun; bitte aktualisieren Sie selbst, oder versuchen Sie es später erneut.",
	},
	CodeNotInReview: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Please open the list of reviews again, because this booking is not among them, or somebody has decided otherwise.",
		german:  "Bitte öffnen Sie die Liste der Prüfungen neu, denn diese Buchung gehört nicht dazu, oder jemand hat anders entschieden.",
	},
	CodeNotForgotten: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI has not deleted everything yet; please try again in a few minutes, and tell your software's vendor if that does not help.",
		german:  "finAPI hat noch nicht alles gelöscht; bitte versuchen Sie es in einigen Minuten erneut und informieren Sie sonst Ihren Softwareanbieter.",
	},
	CodeProgramFailed: {
		documented: []int{noStatus}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Look into your program's log and repair it, because its own code or its database failed; finAPI is not involved.",
		german:  "Sehen Sie in das Protokoll Ihrer Software und beheben Sie den Fehler, denn ihr eigener Code oder ihre Datenbank ist gescheitert; finAPI ist nicht beteiligt.",
	},
	CodeSealBroken: {
		documented: []int{noStatus}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Check the sealing keys and the tenant, because the stored access data do not open with them.",
		german:  "Prüfen Sie die Schlüssel und den Mandanten, denn die gespeicherten Zugangsdaten lassen sich damit nicht öffnen.",
	},

	// Access.
	CodeAdditionalAuthentication: {
		documented: []int{http.StatusNotExtended}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Please confirm the access to your account at your bank, for example with a TAN or in the bank's app.",
		german:  "Bitte bestätigen Sie den Zugriff auf Ihr Konto bei Ihrer Bank, zum Beispiel mit einer TAN oder in der App der Bank.",
	},
	CodeBadRequest: {
		documented: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryNever,
		english: "Correct the call, because finAPI does not understand it.",
		german:  "Korrigieren Sie den Aufruf, denn finAPI versteht ihn nicht.",
	},
	CodeBankServerRejection: {
		documented: []int{http.StatusUnprocessableEntity, noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "The bank refused the access; please check whether you can log in to your online banking there, then try again.",
		german:  "Die Bank hat den Zugriff abgelehnt; bitte prüfen Sie, ob Sie sich dort im Online-Banking anmelden können, und versuchen Sie es dann erneut.",
	},
	CodeEntityExists: {
		documented: []int{http.StatusUnprocessableEntity, noStatus}, actor: ActorVendor, retry: RetryNever,
		english: "Use the user that exists, or update the connection that exists instead of importing it again.",
		german:  "Verwenden Sie den vorhandenen Benutzer, oder aktualisieren Sie die vorhandene Bankverbindung, statt sie erneut zu importieren.",
	},
	CodeForbidden: {
		guessed: []int{http.StatusForbidden}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Ask finAPI to enable this function, and this version of the interface, for your client.",
		german:  "Lassen Sie diese Funktion und diese Version der Schnittstelle von finAPI für Ihren Client freischalten.",
	},
	CodeIllegalEntityState: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Check whether your client's settings at finAPI, and the state of the object, allow this call.",
		german:  "Prüfen Sie, ob die Einstellungen Ihres Clients bei finAPI und der Zustand des Objekts diesen Aufruf zulassen.",
	},
	CodeIllegalFieldValue: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: "Correct the field that the message names, because its value is not allowed.",
		german:  "Korrigieren Sie das Feld, das die Meldung nennt, denn sein Wert ist nicht zulässig.",
	},
	CodeIllegalPageSize: {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryNever,
		english: "Ask for pages of 1 to 500 rows.",
		german:  "Fordern Sie Seiten mit 1 bis 500 Zeilen an.",
	},
	CodeInvalidAccountTypes: {
		guessed: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: "Ask only for types of accounts that your client at finAPI may read.",
		german:  "Fordern Sie nur Kontoarten an, die Ihr Client bei finAPI lesen darf.",
	},
	CodeInvalidConsent: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "The bank did not accept your consent; please give it again, or end it in your online banking.",
		german:  "Die Bank hat Ihre Einwilligung nicht akzeptiert; bitte erteilen Sie sie erneut, oder widerrufen Sie sie in Ihrem Online-Banking.",
	},
	CodeInvalidFilterOptions: {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryNever,
		english: "Correct the filters, because they do not fit together.",
		german:  "Korrigieren Sie die Filter, denn sie passen nicht zusammen.",
	},
	CodeInvalidToken: {
		documented: []int{noStatus}, guessed: []int{http.StatusUnauthorized}, actor: ActorVendor, retry: RetryWithNewToken,
		english: "Start again with a new token, and check the stored access data for finAPI if that fails, too.",
		german:  "Beginnen Sie mit einem neuen Token von vorn, und prüfen Sie die gespeicherten Zugangsdaten für finAPI, wenn auch das scheitert.",
	},
	CodeInvalidTwoStepProcedure: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Please choose another way to confirm the access in the form, such as another TAN method.",
		german:  "Bitte wählen Sie im Formular eine andere Art der Bestätigung, zum Beispiel ein anderes TAN-Verfahren.",
	},
	CodeLocked: {
		documented: []int{http.StatusLocked}, actor: ActorFinAPI, retry: RetryLater,
		english: "The bank connection is being updated; please try again in a few minutes.",
		german:  "Die Bankverbindung wird gerade aktualisiert; bitte versuchen Sie es in einigen Minuten erneut.",
	},
	CodeLoginFieldsMismatch: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Please enter the access data of your online banking again, in all the fields that the form shows.",
		german:  "Bitte geben Sie die Zugangsdaten Ihres Online-Bankings erneut ein, und zwar in allen Feldern, die das Formular zeigt.",
	},
	CodeMethodNotAllowed: {
		guessed: []int{http.StatusMethodNotAllowed}, actor: ActorVendor, retry: RetryNever,
		english: methodUnknownEnglish, german: methodUnknownGerman,
	},
	CodeMissingCredentials: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Please log in to your bank again in the form, because your access data are not stored.",
		german:  "Bitte melden Sie sich im Formular erneut bei Ihrer Bank an, da Ihre Zugangsdaten nicht gespeichert sind.",
	},
	CodeMissingField: {
		documented: []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: "Add the required field that the message names.",
		german:  "Ergänzen Sie das Pflichtfeld, das die Meldung nennt.",
	},
	CodeMissingTwoStepProcedure: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Please choose in the form how you want to confirm the access at your bank.",
		german:  "Bitte wählen Sie im Formular aus, wie Sie den Zugriff bei Ihrer Bank bestätigen möchten.",
	},
	CodeNoAccountsForTypes: {
		documented: []int{http.StatusUnprocessableEntity, noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Your bank shows no suitable account for this log-in; please use the log-in that the account belongs to.",
		german:  "Ihre Bank zeigt zu dieser Anmeldung kein passendes Konto; bitte verwenden Sie die Zugangsdaten, zu denen das Konto gehört.",
	},
	CodeNoCertificate: {
		guessed: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Have the certificate of your own licence stored at finAPI.",
		german:  "Lassen Sie das Zertifikat zu Ihrer eigenen Lizenz bei finAPI hinterlegen.",
	},
	CodeNoExistingChallenge: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "The confirmation came too late or twice; please start again and confirm once.",
		german:  "Die Bestätigung kam zu spät oder doppelt; bitte beginnen Sie von vorn und bestätigen Sie einmal.",
	},
	CodeNoPSUMetadata: {
		guessed: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Update again while the customer is present, and pass on the customer's device.",
		german:  "Aktualisieren Sie erneut, während der Kunde anwesend ist, und geben Sie sein Gerät mit an.",
	},
	CodeNoTPPClientCredentials: {
		guessed: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Have the access data that the bank gave you as a licensed provider stored at finAPI.",
		german:  "Lassen Sie die Zugangsdaten, die Sie als lizenzierter Anbieter von der Bank haben, bei finAPI hinterlegen.",
	},
	CodeTooManyIDs: {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryNever,
		english: "Name fewer ids in one call.",
		german:  "Nennen Sie weniger IDs in einem Aufruf.",
	},
	CodeUnauthorized: {
		documented: []int{http.StatusForbidden}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Use the data client and not the administration client, and ask finAPI whether it may make this call.",
		german:  "Verwenden Sie den Daten-Client statt des Administrations-Clients, und klären Sie mit finAPI, ob er diesen Aufruf machen darf.",
	},
	CodeUnexpected: {
		documented: []int{http.StatusInternalServerError}, actor: ActorFinAPI, retry: RetryLater,
		english: failedEnglish, german: failedGerman,
	},
	CodeUnknownEntity: {
		documented: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity},
		actor:      ActorVendor, retry: RetryNever,
		english: nothingThereEnglish, german: nothingThereGerman,
	},
	CodeUnsupportedBank: {
		documented: []int{http.StatusNotImplemented}, actor: ActorBank, retry: RetryAfterActor,
		english: noSuchBankEnglish, german: noSuchBankGerman,
	},
	CodeUnsupportedFeature: {
		documented: []int{http.StatusUnprocessableEntity, noStatus}, actor: ActorVendor, retry: RetryNever,
		english: "Do without this function at this bank, because the bank does not offer it.",
		german:  "Verzichten Sie bei dieser Bank auf die Funktion, denn die Bank bietet sie nicht an.",
	},
	CodeUnsupportedMediaType: {
		guessed: []int{http.StatusUnsupportedMediaType}, actor: ActorVendor, retry: RetryNever,
		english: "Send the body as JSON, and the request for a token as a form.",
		german:  "Senden Sie die Daten als JSON und die Anforderung eines Tokens als Formular.",
	},
	CodeUnsupportedOrder: {
		documented: []int{http.StatusUnprocessableEntity, noStatus}, actor: ActorVendor, retry: RetryNever,
		english: "Ask in another way, because this way of sorting or this kind of order is not supported.",
		german:  "Fragen Sie auf andere Weise an, denn diese Sortierung oder diese Art von Auftrag wird nicht unterstützt.",
	},
	CodeUserAlreadyVerified: {
		guessed: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: "Go on without verifying the user, because that has been done.",
		german:  "Machen Sie ohne Verifizierung weiter, denn der Benutzer ist schon verifiziert.",
	},
	CodeUserNotVerified: {
		guessed: []int{http.StatusForbidden}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Verify the user at finAPI, or have new users verified automatically.",
		german:  "Verifizieren Sie den Benutzer bei finAPI, oder lassen Sie neue Benutzer automatisch verifizieren.",
	},
	CodeWebFormAborted: {
		guessed: []int{http.StatusUnprocessableEntity}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "The form was closed too early; please open it again and go through it to the end.",
		german:  "Das Formular wurde vorzeitig geschlossen; bitte öffnen Sie es erneut und gehen Sie es bis zum Ende durch.",
	},
	CodeWebFormRequired: {
		documented: []int{http.StatusUnavailableForLegalReasons}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "Your bank asks you to confirm the access; please open the form and follow its steps.",
		german:  "Ihre Bank bittet Sie, den Zugriff zu bestätigen; bitte öffnen Sie das Formular und folgen Sie seinen Schritten.",
	},

	// Web Form.
	CodeBankNotSupported: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorBank, retry: RetryAfterActor,
		english: noSuchBankEnglish, german: noSuchBankGerman,
	},
	CodeBankNotUnique: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: whichBankEnglish, german: whichBankGerman,
	},
	CodeInternalServerError: {
		documented: []int{http.StatusInternalServerError}, actor: ActorFinAPI, retry: RetryLater,
		english: failedEnglish, german: failedGerman,
	},
	CodeInvalidRedirectURL: {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: "Leave the bank's way back out of the request, or correct it if you have a licence of your own.",
		german:  "Lassen Sie die Rücksprungadresse der Bank weg, oder korrigieren Sie sie, wenn Sie eine eigene Lizenz haben.",
	},
	CodeMandatorMisconfiguration: {
		documented: []int{http.StatusUnprocessableEntity, noStatus}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Have finAPI's support correct the set-up of your client.",
		german:  "Lassen Sie die Einrichtung Ihres Clients vom Support von finAPI korrigieren.",
	},
	CodeNotAllowed: {
		guessed: []int{http.StatusMethodNotAllowed}, actor: ActorVendor, retry: RetryNever,
		english: methodUnknownEnglish, german: methodUnknownGerman,
	},
	CodeNotFound: {
		documented: []int{http.StatusNotFound}, actor: ActorVendor, retry: RetryNever,
		english: nothingThereEnglish, german: nothingThereGerman,
	},
	CodeNotSupported: {
		actor: ActorVendor, retry: RetryNever,
		english: "Do without this call, because finAPI does not support it.",
		german:  "Verzichten Sie auf diesen Aufruf, denn finAPI unterstützt ihn nicht.",
	},
	CodeUnauthenticated: {
		documented: []int{http.StatusUnauthorized}, actor: ActorVendor, retry: RetryWithNewToken,
		english: "Call again with a new token of the user, and check the user's stored password if that fails, too.",
		german:  "Rufen Sie mit einem neuen Token des Benutzers erneut auf, und prüfen Sie sein gespeichertes Passwort, wenn auch das scheitert.",
	},

	// Forms and updates.
	CodeInternalError: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryLater,
		english: failedEnglish, german: failedGerman,
	},
	CodeInterrupted: {
		documented: []int{noStatus}, actor: ActorCustomer, retry: RetryAfterActor,
		english: "The form was reloaded or opened twice; please start again and keep its page open.",
		german:  "Das Formular wurde neu geladen oder zweimal geöffnet; bitte beginnen Sie von vorn und lassen Sie die Seite geöffnet.",
	},
	CodeUndeterminedBank: {
		documented: []int{noStatus}, actor: ActorVendor, retry: RetryNever,
		english: whichBankEnglish, german: whichBankGerman,
	},
	CodeUnexpectedAccessResponse: {
		documented: []int{noStatus}, actor: ActorFinAPI, retry: RetryLater,
		english: failedEnglish, german: failedGerman,
	},

	// OAuth. RFC 6749 has more codes than finAPI is known to send; this package's
	// requests give no cause for them, so they have no constant.
	CodeInvalidClient: {
		guessed: []int{http.StatusUnauthorized}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Check that client id, client secret and environment are right and belong together.",
		german:  "Prüfen Sie, ob Client-ID, Client-Secret und Umgebung richtig sind und zusammengehören.",
	},
	CodeInvalidGrant: {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Check the stored id and password of the finAPI user, and change the password at finAPI if it is lost.",
		german:  "Prüfen Sie die gespeicherte ID und das Passwort des finAPI-Benutzers, und ändern Sie das Passwort bei finAPI, wenn es verloren ist.",
	},
	"invalid_request": {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryNever,
		english: "Correct the request for a token, because a parameter is missing or malformed.",
		german:  "Korrigieren Sie die Anforderung des Tokens, denn ein Parameter fehlt oder ist fehlerhaft.",
	},
	"invalid_scope": {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryNever,
		english: "Ask for the token without a scope.",
		german:  "Fordern Sie das Token ohne Angabe eines Scopes an.",
	},
	"unauthorized_client": {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryAfterActor,
		english: "Ask finAPI to enable this kind of token for your client.",
		german:  "Lassen Sie diese Art von Token von finAPI für Ihren Client freischalten.",
	},
	"unsupported_grant_type": {
		guessed: []int{http.StatusBadRequest}, actor: ActorVendor, retry: RetryNever,
		english: "Ask for the token in one of the ways that finAPI knows.",
		german:  "Fordern Sie das Token auf einem der Wege an, die finAPI kennt.",
	},

	// Orders. This package cannot give any, and no exported name of it speaks of
	// them, which a test checks; so these codes are here as texts only.
	"COLLECTIVE_MONEY_TRANSFER_NOT_SUPPORTED": {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: readOnlyEnglish, german: readOnlyGerman,
	},
	"IBAN_ONLY_DIRECT_DEBIT_NOT_SUPPORTED": {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: readOnlyEnglish, german: readOnlyGerman,
	},
	"IBAN_ONLY_MONEY_TRANSFER_NOT_SUPPORTED": {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: readOnlyEnglish, german: readOnlyGerman,
	},
	"PAYMENT_NOT_SUPPORTED": {
		documented: []int{http.StatusUnprocessableEntity}, actor: ActorVendor, retry: RetryNever,
		english: readOnlyEnglish, german: readOnlyGerman,
	},
}

// Sentences that several codes share because they mean the same.
const (
	failedEnglish        = "finAPI has a technical problem; please try again in a few minutes, and tell your software's vendor if that does not help."
	failedGerman         = "finAPI hat ein technisches Problem; bitte versuchen Sie es in einigen Minuten erneut und informieren Sie sonst Ihren Softwareanbieter."
	methodUnknownEnglish = "Do not make this call, because finAPI does not allow its method at this address."
	methodUnknownGerman  = "Machen Sie diesen Aufruf nicht, denn finAPI lässt seine Methode unter dieser Adresse nicht zu."
	noSuchBankEnglish    = "This bank cannot be connected at present; please choose another bank, or try again in some days."
	noSuchBankGerman     = "Diese Bank lässt sich zurzeit nicht verbinden; bitte wählen Sie eine andere, oder versuchen Sie es in einigen Tagen erneut."
	nothingThereEnglish  = "Check the stored id, because what it names is gone, was never there or belongs to another user."
	nothingThereGerman   = "Prüfen Sie die gespeicherte ID, denn das Objekt ist gelöscht, hat nie existiert oder gehört einem anderen Benutzer."
	readOnlyEnglish      = "Do not make this call, because this package reads accounts and gives no orders."
	readOnlyGerman       = "Machen Sie diesen Aufruf nicht, denn dieses Paket liest Konten und erteilt keine Aufträge."
	whichBankEnglish     = "Name the bank by its id, or let the customer choose it in the form."
	whichBankGerman      = "Geben Sie die ID der Bank an, oder lassen Sie den Kunden die Bank im Formular auswählen."
)

// remediesByStatus is for codes that finAPI adds, and for answers without a code.
var remediesByStatus = map[int]advice{
	http.StatusUnauthorized: {
		actor: ActorVendor, retry: RetryWithNewToken,
		english: "Check the credentials of your client and of the user, because finAPI does not accept them.",
		german:  "Prüfen Sie die Zugangsdaten Ihres Clients und des Benutzers, denn finAPI akzeptiert sie nicht.",
	},
	http.StatusForbidden: {
		actor: ActorVendor, retry: RetryAfterActor,
		english: "Ask finAPI whether your client may make this call.",
		german:  "Klären Sie mit finAPI, ob Ihr Client diesen Aufruf machen darf.",
	},
	http.StatusNotFound:         {actor: ActorVendor, retry: RetryNever, english: nothingThereEnglish, german: nothingThereGerman},
	http.StatusMethodNotAllowed: {actor: ActorVendor, retry: RetryNever, english: methodUnknownEnglish, german: methodUnknownGerman},
	http.StatusRequestTimeout:   {actor: ActorFinAPI, retry: RetryLater, english: failedEnglish, german: failedGerman},
	http.StatusLocked: {
		actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI is still busy with this; please try again in a few minutes.",
		german:  "finAPI ist noch damit beschäftigt; bitte versuchen Sie es in einigen Minuten erneut.",
	},
	http.StatusTooManyRequests: {
		actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI is asked too often at present; please try again later.",
		german:  "finAPI erhält zurzeit zu viele Anfragen; bitte versuchen Sie es später erneut.",
	},
	http.StatusUnavailableForLegalReasons: customerIsAsked,
	http.StatusNotExtended:                customerIsAsked,
	http.StatusNotImplemented:             {actor: ActorBank, retry: RetryAfterActor, english: noSuchBankEnglish, german: noSuchBankGerman},
	http.StatusServiceUnavailable: {
		actor: ActorFinAPI, retry: RetryLater,
		english: "finAPI is not available at present; please try again later.",
		german:  "finAPI ist zurzeit nicht verfügbar; bitte versuchen Sie es später erneut.",
	},
}

// customerIsAsked is what finAPI means by statuses that have no such meaning
// elsewhere.
var customerIsAsked = advice{
	actor: ActorCustomer, retry: RetryAfterActor,
	english: "Please confirm the access to your account in the form or at your bank.",
	german:  "Bitte bestätigen Sie den Zugriff auf Ihr Konto im Formular oder bei Ihrer Bank.",
}

// remediesByActor is for what neither table knows.
var remediesByActor = map[Actor]advice{
	ActorCustomer: {
		actor: ActorCustomer, retry: RetryAfterActor,
		english: "Please log in to your bank again in the form, and ask your bank if that does not help.",
		german:  "Bitte melden Sie sich im Formular erneut bei Ihrer Bank an, und fragen Sie Ihre Bank, wenn das nicht hilft.",
	},
	ActorVendor: {
		actor: ActorVendor, retry: RetryAfterActor,
		english: "Check the call and the set-up of your client, and ask finAPI's support about the code if they are right.",
		german:  "Prüfen Sie den Aufruf und die Einrichtung Ihres Clients, und fragen Sie den Support von finAPI nach dem Code, wenn beides stimmt.",
	},
	ActorBank: {
		actor: ActorBank, retry: RetryLater,
		english: "The bank has a problem; please try again later, and ask your bank if that does not help.",
		german:  "Bei der Bank gibt es ein Problem; bitte versuchen Sie es später erneut, und fragen Sie Ihre Bank, wenn das nicht hilft.",
	},
	ActorFinAPI: {actor: ActorFinAPI, retry: RetryLater, english: failedEnglish, german: failedGerman},
}
