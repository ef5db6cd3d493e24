package extjson

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// unlikeDriver are the values that both read, but differently, with the reason
// for ours.
var unlikeDriver = map[string]string{
	`-0`:                                          "text to BSON to text needs the sign; the driver makes it an int32",
	`{"$numberDouble":"NaN"}`:                     "MongoDB's not-a-number, not that of package math",
	`{"$numberInt":"05"}`:                         "not how a writer prints an integer, so part of a query",
	`{"$numberInt":"+5"}`:                         "likewise",
	`{"$numberInt":"-0"}`:                         "likewise",
	`{"$numberDouble":"0x1p4"}`:                   "a notation of Go",
	`{"$numberDouble":"inf"}`:                     "a notation of Go",
	`{"$binary":"AQJ=","$type":"00"}`:             "would not be written back the same",
	`{"$binary":"AR==","$type":"00"}`:             "likewise",
	`{"$binary":"AQID","$type":"000"}`:            "a subtype has at most two digits",
	`{"$date":"2024-01-01T00:00:00.1234567890Z"}`: "more digits than a nanosecond has",
	`{"$date":"2024-01-01T00:00:00+24:00"}`:       "no such zone",
	`{"$date":"2024-01-01T00:00:00+00:60"}`:       "no such zone",
	`{ "$regex" : "^a\"b", "$options" : "i" }`:    "LegacyStrict's regular expression; the driver has it in other texts only",
	`{ "$regex" : "", "$options" : "" }`:          "likewise",
	`"\ud83d\ud83d\udc08"`:                        "the driver loses the pair behind half a pair",
}

// beyondDriver are values of the styles that the driver does not read.
var beyondDriver = map[string]string{
	`NaN`:                    "bare words are LegacyStrict's own",
	`Infinity`:               "likewise",
	`-Infinity`:              "likewise",
	`1.797693134862316e+308`: "the greatest double, cut to 16 digits",
}

// TestDriver compares the decoder with that of the MongoDB driver.
func TestDriver(t *testing.T) {
	var d Decoder
	seen := map[string]bool{}
	check := func(text string, must bool) {
		doc := []byte(`{"v":` + text + `}`)
		got, err := d.Decode(nil, doc)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		var v bson.D
		if err := bson.UnmarshalExtJSON(doc, false, &v); err != nil {
			if must && beyondDriver[text] == "" {
				t.Errorf("%s: the driver: %v", text, err)
			}
			return
		}
		want, err := bson.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		same := bytes.Equal(got, want)
		if reason := unlikeDriver[text]; same && reason != "" {
			t.Errorf("%s: the driver reads it like us now, but the list says: %s", text, reason)
		} else if !same && reason == "" {
			t.Errorf("%s:\n got %x\nthe driver %x", text, got, want)
		}
		seen[text] = true
	}
	for _, e := range entries() {
		check(e.legacy, true)
		check(e.canonical, true)
		check(e.relaxed, true)
		check(e.plain, true)
	}
	for _, tt := range dialects() {
		check(tt.text, false)
	}
	for _, line := range corpus(t) {
		check(string(line), true)
	}
	for text := range unlikeDriver {
		if !seen[text] {
			t.Errorf("%s is in no table", text)
		}
	}
}

// TestDriverReads holds that the driver understands what Append writes.
func TestDriverReads(t *testing.T) {
	for _, e := range entries() {
		var v bson.D
		text, err := Append(nil, e.doc, Canonical)
		if err == nil {
			err = bson.UnmarshalExtJSON(text, true, &v)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
