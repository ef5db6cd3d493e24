package auditlog

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// rule says what is done with the value of a key.
type rule uint8

const (
	// keep: the key says nothing about its value.
	keep rule = iota
	// secret: the value is replaced wherever the key occurs.
	secret
	// conversation: the value is replaced inside a SASL command.
	conversation
	// proof: the value is replaced inside the commands authenticate and copydb.
	proof
	// keyFile: the value is replaced unless it is the path of a file.
	keyFile
	// material: the value is replaced when it is text or bytes; a document is
	// looked into instead. CSFLE's masterKey of a cloud provider is a document
	// that only names the key.
	material
)

// named are the keys with a rule, in lower case and by words. Words may be
// joined directly, by "_" or by "-", in any case: "secret access key" stands
// for secretAccessKey, SECRET_ACCESS_KEY and secret-access-key.
var named = map[string]rule{
	// createUser, updateUser, authenticate; mongod's own sensitive field names.
	"pwd": secret,
	// system.users documents.
	"credentials": secret, "stored key": secret, "server key": secret,
	"scram sha 1": secret, "scram sha 256": secret, "mongodb cr": secret,
	// saslStart, saslContinue, speculativeAuthenticate, copydbsaslstart.
	"payload": conversation,
	// authenticate and copydb of old servers.
	"key": proof, "nonce": proof,
	// Client-side and at-rest encryption.
	"kms providers": secret, "key material": secret, "local key": material,
	"master key": material, "encryption key": material, "data key": material,
	"key file": keyFile, "pem key": material,
	// Tokens. A list and not an ending: pageToken and resumeToken are no secrets.
	"token": secret, "access token": secret, "auth token": secret,
	"refresh token": secret, "session token": secret, "bearer token": secret,
	"id token": secret, "api token": secret, "vault token": secret,
	"authorization": secret,
}

// endings are the ends of keys whose value is a secret whatever stands before:
// certificateKeyFilePassword, adminPwd, clientSecret, secretAccessKey.
var endings = []string{
	"pwd", "passwd", "password", "passphrase", "secret",
	"private key", "secret key", "access key", "api key",
}

// commands opens a context: a document that has such a member, or whose member
// "command" has such a value, is the command, with all that it contains.
var commands = map[string]context{
	"saslstart": inSASL, "saslcontinue": inSASL, "copydbsaslstart": inSASL,
	"speculativeauthenticate": inSASL | inProof,
	"authenticate":            inProof, "copydb": inProof, "copydbgetnonce": inProof,
}

// context is the set of commands around a value.
type context uint8

const (
	inSASL context = 1 << iota
	inProof
)

// maxFolded bounds the part of a key that is looked at: longer keys are judged
// by their end, which is where the telling word is.
const maxFolded = 64

// fold appends one segment of a key in the form in which the tables are
// compiled: lower case, without the joints "_" and "-".
func fold(dst, segment []byte) []byte {
	if len(segment) > maxFolded {
		segment = segment[len(segment)-maxFolded:]
	}
	for _, c := range segment {
		switch {
		case c == '_' || c == '-':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// tables are the rules, compiled.
type tables struct {
	named   map[string]rule
	endings []string
	// tails is a Bloom filter of one hash over the last four bytes of every
	// spelling of every key with a rule, and of shorter keys as a whole. It is
	// what makes an event without secrets cheap.
	tails [1 << tailBits / 64]uint64
}

// tailBits is the size of the filter: 2 KiB, always in the first cache, and a
// false positive for about one key in two hundred.
const tailBits = 14

func compile() *tables {
	t := &tables{named: make(map[string]rule, len(named))}
	for words, r := range named {
		t.named[strings.ReplaceAll(words, " ", "")] = r
		t.addTails(words)
	}
	for _, words := range endings {
		t.endings = append(t.endings, strings.ReplaceAll(words, " ", ""))
		t.addTails(words)
	}
	return t
}

// addTails puts the tail of each spelling into the filter.
func (t *tables) addTails(words string) {
	for _, joint := range []string{"", "_", "-"} {
		spelling := strings.ReplaceAll(words, " ", joint)
		t.setTail(tailOf([]byte(spelling)))
	}
}

// tailOf returns the tail of a key in the form of the filter.
func tailOf(key []byte) uint32 {
	if n := len(key); n >= 4 {
		return foldTail(binary.LittleEndian.Uint32(key[n-4:]), 4)
	}
	var tail uint32
	for i, c := range key {
		tail |= uint32(c) << (8 * (4 - len(key) + i))
	}
	return foldTail(tail, len(key))
}

// telling says whether a key with this tail can have a rule.
func (t *tables) telling(tail uint32, key []byte) bool {
	return t.hasTail(tail) || tail>>8 == tailPwd>>8 || bytes.IndexByte(key, '.') >= 0
}

// foldTail brings the last bytes of a key of n bytes, little endian and at the
// top of the word, to the form of the filter: letters in lower case, and no
// bytes from before the key.
func foldTail(tail uint32, n int) uint32 {
	return (tail | 0x20202020) & tailMask[min(n, 4)]
}

// tailMask clears the bytes before a key of fewer than four bytes.
var tailMask = [8]uint32{0, 0xff000000, 0xffff0000, 0xffffff00, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}

// tailWords keeps an index within the filter where the compiler can see it.
const tailWords = 1<<tailBits/64 - 1

func tailSlot(tail uint32) uint32 { return tail * 0x9e3779b1 >> (32 - tailBits) }

func (t *tables) setTail(tail uint32) {
	s := tailSlot(tail)
	t.tails[s>>6] |= 1 << (s & 63)
}

func (t *tables) hasTail(tail uint32) bool {
	s := tailSlot(tail)
	return t.tails[s>>6]>>(s&63)&1 != 0
}

// rule returns what is to be done with the value of a key. Keys of filters and
// updates may be paths themselves ("credentials.pwd"): the strictest rule of
// their segments holds, a secret before any other.
func (t *tables) rule(key []byte) rule {
	found := keep
	for start := 0; start <= len(key); {
		end := start
		for end < len(key) && key[end] != '.' {
			end++
		}
		if r := t.segmentRule(key[start:end]); r == secret || found == keep {
			found = r
		}
		if found == secret {
			return secret
		}
		start = end + 1
	}
	return found
}

func (t *tables) segmentRule(segment []byte) rule {
	var buf [maxFolded]byte
	folded := fold(buf[:0], segment)
	if r, ok := t.named[string(folded)]; ok {
		return r
	}
	for _, e := range t.endings {
		if n := len(folded) - len(e); n >= 0 && string(folded[n:]) == e {
			return secret
		}
	}
	return keep
}
