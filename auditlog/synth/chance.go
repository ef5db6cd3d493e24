package synth

import (
	"math/bits"
	"math/rand/v2"
)

// chance is the source of all randomness.
type chance struct{ pcg *rand.PCG }

// n returns a number from 0 to n-1. The bias of the multiplication is far below
// what anybody could see in a log.
func (c chance) n(n int) int {
	hi, _ := bits.Mul64(c.pcg.Uint64(), uint64(n))
	return int(hi)
}

// between returns a number from least to most.
func (c chance) between(least, most int) int { return least + c.n(most-least+1) }

// one says yes once in so many times.
func (c chance) one(in int) bool { return c.n(in) == 0 }

// few returns a number from 0 to n-1, small ones far more often.
func (c chance) few(n int) int { return c.n(c.n(c.n(n)+1) + 1) }

func pick[T any](c chance, from []T) T { return from[c.n(len(from))] }
