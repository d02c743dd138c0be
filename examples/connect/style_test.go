package main

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// pairs are the colours that meet in style.css: text and what it stands on, and borders
// of controls with what is around them.
var pairs = []struct {
	front, back string
	least       float64 // 4.5 for text, 3 for borders and focus, by WCAG 2.2
}{
	{"ink", "paper", 4.5},
	{"ink", "card", 4.5},
	{"ink", "soft", 4.5},
	{"ink", "good-paper", 4.5},
	{"ink", "info-paper", 4.5},
	{"ink", "warn-paper", 4.5},
	{"ink", "bad-paper", 4.5},
	{"quiet", "paper", 4.5},
	{"quiet", "card", 4.5},
	{"quiet", "soft", 4.5},
	{"quiet", "warn-paper", 4.5},
	{"quiet", "bad-paper", 4.5},
	{"accent", "card", 4.5},
	{"accent", "paper", 4.5},
	{"accent", "soft", 4.5},
	{"accent-dark", "card", 4.5},
	{"accent-dark", "soft", 4.5},
	{"accent-ink", "accent", 4.5},
	{"accent-ink", "accent-dark", 4.5},
	{"accent-ink", "bad", 4.5},
	{"good", "good-paper", 4.5},
	{"info", "info-paper", 4.5},
	{"warn", "warn-paper", 4.5},
	{"bad", "bad-paper", 4.5},
	{"warn", "card", 4.5},
	{"accent", "info-paper", 4.5},
	{"accent", "warn-paper", 4.5},
	{"field", "card", 3},
	{"field", "soft", 3},
	{"accent", "paper", 3},
}

func TestTextsAndControlsStandOutFromWhatIsBehindThem(t *testing.T) {
	t.Parallel()
	style, err := files.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	colours := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(string(style), -1) {
		colours[m[1]] = luminance(t, m[2])
	}
	for _, p := range pairs {
		front, ok := colours[p.front]
		back, also := colours[p.back]
		if !ok || !also {
			t.Errorf("style.css has no colour %s or %s", p.front, p.back)
			continue
		}
		contrast := (max(front, back) + 0.05) / (min(front, back) + 0.05)
		if contrast < p.least {
			t.Errorf("%s on %s has a contrast of %.2f, want %.1f", p.front, p.back, contrast, p.least)
		}
	}
}

// luminance is the relative luminance of a colour by WCAG.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	part := func(s string) float64 {
		n, err := strconv.ParseUint(s, 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(hex[0:2]) + 0.7152*part(hex[2:4]) + 0.0722*part(hex[4:6])
}

func TestColoursAreNamedOnceAndUsedByName(t *testing.T) {
	t.Parallel()
	style, err := files.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	rest := regexp.MustCompile(`(?s):root \{.*?\}`).ReplaceAllString(string(style), "")
	if found := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgba?\(`).FindString(rest); found != "" {
		t.Errorf("style.css uses the colour %s, whose contrast no test knows", found)
	}
}
