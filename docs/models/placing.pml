/* Placing an order with an Idempotency-Key.
 *
 * Two requests of one client with one key are under way at once: the first one and its
 * repetition, or, in its place, another draft under the same key. Somebody else wants the same
 * item, and there are one or two left. Any answer of the store may be lost, a request may be cut off
 * anywhere, and the item may be taken off the menu at any time. Each client sends until it
 * has an answer.
 *
 * What holds
 *   1. A key has at most one order, and that order stays as it was placed.
 *   2. What is on the shelf and what the orders took add up to what there was.
 *   3. Who is told that the order is placed finds it, with the draft that they sent.
 *   4. Who is told that the order is refused had none when they asked.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_DERIVED_ID     the id is derived from caller and key (Cafe.Place, model.DeriveID)
 *   WITHOUT_ABSENT         the order is put only where there is none (Cafe.place)
 *   WITHOUT_AT_LEAST       stock is taken only if there is enough (takeStock)
 *   WITHOUT_ONE_WRITE      order and stock are one write (Cafe.place)
 *   WITHOUT_FINGERPRINT    the stored order is compared with the draft (Cafe.attempt)
 *   WITHOUT_LOOK           before a refusal the store is asked for the order (Cafe.placedBefore)
 */

#define IDS 8              /* ids that may be used: 0 and 1 are derived, the rest are new */
#define NONE 255

byte draft_of[IDS];        /* the stored orders: 0 is no order, otherwise the draft */
byte key_of[IDS];
byte fresh = 2;            /* the next id that nobody has used */
byte was;                  /* units that were on the shelf at first: one or two */
byte shelf, taken;         /* units that are there, and units that were taken */
bool on_menu = true;
byte lost_answers = 3;     /* how many answers may get lost, of the store or to the client */
byte finished;

/* The order and the unit it takes, as one write. */
inline put_and_take(id, key, draft) {
	draft_of[id] = draft; key_of[id] = key;
#ifndef WITHOUT_ONE_WRITE
	shelf--; taken++;
#endif
}

#ifdef WITHOUT_ABSENT
#define FREE(id) true
#else
#define FREE(id) (draft_of[id] == 0)
#endif
#ifdef WITHOUT_AT_LEAST
#define ENOUGH true
#else
#define ENOUGH (shelf > 0)
#endif

proctype Client(byte key; byte draft) {
	byte id, found;
	bool had;              /* whether the order was there when this request began */

send:
	atomic {
		found = 0;
#ifdef WITHOUT_DERIVED_ID
		id = fresh; fresh++;
		assert(fresh < IDS);
#else
		id = key;
#endif
		had = (draft_of[id] == draft);
	}
	/* Cafe.price: what is not on the menu is refused, unless the order is there already. */
	if
	:: on_menu -> skip
	:: !on_menu -> goto refused
	fi;

	/* Cafe.place: one conditional write. Its answer may get lost. */
	atomic {
		if
		:: !FREE(id) -> found = draft_of[id]
		:: FREE(id) && !ENOUGH -> goto refused
		:: FREE(id) && ENOUGH ->
			put_and_take(id, key, draft);
			found = NONE
		fi
	}
	if
	:: atomic { lost_answers > 0 -> lost_answers--; goto send }
	:: true
	fi;
#ifdef WITHOUT_ONE_WRITE
	if
	:: found == NONE -> atomic {
		if
		:: ENOUGH -> shelf--; taken++
		:: else -> draft_of[id] = 0; goto refused
		fi }
	:: else
	fi;
#endif
	if
	:: found == NONE -> goto placed
	:: found != NONE -> goto stored
	fi;

	/* Cafe.placedBefore: is it refused, or was it placed before? */
refused:
#ifndef WITHOUT_LOOK
	found = draft_of[id];
#endif
	if
	:: found == 0 ->
		assert(!had);                                             /* 4 */
		goto done
	:: found != 0
	fi;

stored:
#ifndef WITHOUT_FINGERPRINT
	if
	:: found != draft -> goto done                               /* 422: the key was reused */
	:: else
	fi;
#endif

placed:
	assert(draft_of[id] == draft);                               /* 3 and 1 */
done:
	finished++
}

proctype Owner() {
	on_menu = false
}

init {
	byte i, orders, of_key;
	atomic {
		select(was : 1 .. 2);
		shelf = was;
		run Client(0, 1);
		if
		:: run Client(0, 1)
		:: run Client(0, 2)
		fi;
		run Client(1, 1);
		run Owner()
	}
	finished == 3;
	d_step {
		for (i : 0 .. IDS - 1) {
			if
			:: draft_of[i] != 0 ->
				orders++;
				if
				:: key_of[i] == 0 -> of_key++
				:: else
				fi
			:: else
			fi
		}
		assert(of_key <= 1);                                     /* 1 */
		assert(orders == taken && taken <= was && shelf == was - taken) /* 2 */
	}
}
