/* Delivering webhooks.
 *
 * Two endpoints want the events of two orders. The first order has events 0 and 1, the second has
 * event 2. One endpoint works, but a call may not reach it, and its answer may get lost. The other
 * one is dead. Two deliverers work for the first endpoint and one for the dead one. A deliverer
 * may be stopped anywhere, or be so slow that its delivery is given to somebody else while it
 * still goes on.
 *
 * What holds
 *   1. When nothing moves any more, the endpoint that works has had every event, and says so.
 *   2. It hears of an order's events in their order, apart from repetitions.
 *   3. A delivery is marked as done only after the endpoint has said so.
 *   4. The dead endpoint holds up nothing but itself: 1 holds although its deliveries wait.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_MARK_LAST   a delivery is marked as done after the answer, not before the call (session.call, session.save)
 *   WITHOUT_HOLD        an event waits until the one before it, of its subject, is done (session.forward, Lane.held)
 *   WITHOUT_OWN_LANE    an endpoint's deliveries wait for no other endpoint's (Runner.lane)
 *   WITHOUT_RETRY       what failed is tried again (session.again, webhooks.pauseAfter)
 *   WITHOUT_RETURN      what was taken and not done is free again after a while (Deliverer.Deliver)
 */

#define EVENTS 3
#define FOLLOWS(e) (e == 1)    /* event 1 comes after event 0 of the same order */

mtype = { QUEUED, TAKEN, DONE };
mtype works[EVENTS] = QUEUED;  /* deliveries to the endpoint that works */
mtype dead[EVENTS] = QUEUED;   /* and to the dead one */
bool received[EVENTS];         /* whether the endpoint got the event */
bool accepted[EVENTS];         /* whether its answer arrived */
byte tries = 1;                /* of the dead endpoint, before its next time is far away */

#ifdef WITHOUT_HOLD
#define HELD(queue, e) false
#else
#define HELD(queue, e) (FOLLOWS(e) && queue[e - FOLLOWS(e)] != DONE)
#endif
#ifdef WITHOUT_OWN_LANE
#define BEHIND(e) (dead[e] != DONE)        /* one queue for both: the dead one's comes first */
#else
#define BEHIND(e) false
#endif

inline mark_done(e) {
	assert(accepted[e]);                                     /* 3 */
	works[e] = DONE
}

proctype Deliverer() {
	byte e;
	bool ok;
end:
	atomic {
		if
		:: works[0] == QUEUED && !HELD(works, 0) && !BEHIND(0) -> e = 0
		:: works[1] == QUEUED && !HELD(works, 1) && !BEHIND(1) -> e = 1
		:: works[2] == QUEUED && !HELD(works, 2) && !BEHIND(2) -> e = 2
		fi;
		ok = false;
#ifndef WITHOUT_MARK_LAST
		works[e] = TAKEN
#else
		mark_done(e)
#endif
	}
	if
	:: goto end                                              /* stopped before the call */
	:: goto mark                                             /* the call does not get through */
	:: atomic {
		true -> received[e] = true;
			assert(!FOLLOWS(e) || received[e - FOLLOWS(e)])         /* 2 */
		}
	fi;
	if
	:: true                                                  /* the answer gets lost */
	:: atomic { true -> ok = true; accepted[e] = true }
	fi;
	if
	:: goto end                                              /* stopped between answer and mark */
	:: true
	fi;
mark:
	atomic {
		if
		:: ok -> mark_done(e)
#ifndef WITHOUT_RETRY
		:: !ok && works[e] == TAKEN -> works[e] = QUEUED
		:: !ok && works[e] != TAKEN                          /* it is somebody else's by now */
#else
		:: !ok -> mark_done(e)
#endif
		fi
	}
	goto end
}

/* A delivery that was taken is free again after a while, whoever still has it. */
proctype Return() {
end:
	do
#ifndef WITHOUT_RETURN
	:: works[0] == TAKEN -> works[0] = QUEUED
	:: works[1] == TAKEN -> works[1] = QUEUED
	:: works[2] == TAKEN -> works[2] = QUEUED
#else
	:: false
#endif
	od
}

proctype DeadDeliverer() {
	byte e;
end:
	atomic {
		tries > 0 -> tries--;
		if
		:: dead[0] == QUEUED -> e = 0
		:: dead[1] == QUEUED && !HELD(dead, 1) -> e = 1
		:: dead[2] == QUEUED -> e = 2
		fi;
		dead[e] = TAKEN
	}
	dead[e] = QUEUED;                                        /* no answer */
	goto end
}

/* 1 with 4, when nothing moves any more. */
proctype Watcher() {
	byte e;
	timeout;
	for (e : 0 .. EVENTS - 1) {
		assert(works[e] == DONE && received[e] && dead[e] != DONE)
	}
}

init {
	atomic {
		run Deliverer();
		run Deliverer();
		run DeadDeliverer();
		run Return();
		run Watcher()
	}
}
