use std::time::Duration;

use coordination::{Access, Admission, Keys, Notice, Stop, Ticket, Update};

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn notices(admission: &mut Admission) -> Vec<Notice> {
    std::iter::from_fn(|| admission.poll()).collect()
}

fn granted(admission: &mut Admission) -> Vec<Ticket> {
    let ticket = |n| if let Notice::Granted { ticket, .. } = n { Some(ticket) } else { None };
    notices(admission).into_iter().filter_map(ticket).collect()
}

#[test]
fn at_its_deadline_an_update_is_asked_once_and_keeps_what_it_holds() {
    let key = Keys::default().key("a");
    let update = || Update::new("x", Access::new([], [key]));
    let mut admission = Admission::new(9);
    let slow = admission.submit(update().with_timeout(seconds(3)), seconds(0)).unwrap();
    let next = admission.submit(update().with_timeout(seconds(3)), seconds(0)).unwrap();
    assert_eq!(granted(&mut admission), [slow]);
    assert_eq!(admission.expire(seconds(2)), 0);
    assert_eq!(admission.expire(seconds(3)), 1);
    assert_eq!(admission.expire(seconds(4)), 0, "asked once");
    assert_eq!(notices(&mut admission), [Notice::Stop { ticket: slow, why: Stop::TimedOut }]);
    admission.finish(slow, false, seconds(10)).unwrap();
    assert_eq!(granted(&mut admission), [next]);
    assert_eq!(admission.next_deadline(), Some(seconds(13)), "time waited does not count");
    admission.finish(next, true, seconds(11)).unwrap();
    assert_eq!(admission.next_deadline(), None);
}

#[test]
fn a_cancelled_parent_ends_with_its_last_descendant() {
    let key = Keys::default().key("a");
    let update = || Update::new("x", Access::new([], [key]));
    let mut admission = Admission::new(9);
    let parent = admission.submit(update(), seconds(0)).unwrap();
    let child = admission.submit_child(parent, update(), seconds(0)).unwrap();
    let grandchild = admission.submit_child(child, update(), seconds(0)).unwrap();
    let waiting = admission.submit(update(), seconds(0)).unwrap();
    assert_eq!(granted(&mut admission), [parent, child, grandchild]);
    assert!(admission.cancel(parent, seconds(1)));
    let asked = |ticket, of| Notice::Stop { ticket, why: Stop::Parent(of) };
    assert_eq!(notices(&mut admission), [asked(child, parent), asked(grandchild, child)]);
    assert!(admission.cancel(child, seconds(2)));
    assert!(admission.is_running(parent) && admission.is_running(child));
    admission.finish(grandchild, true, seconds(3)).unwrap();
    assert!(admission.has_ended(parent) && admission.has_ended(child));
    assert_eq!(granted(&mut admission), [waiting]);
}

#[test]
fn whoever_goes_before_wounds_whoever_holds_what_it_wants() {
    let mut keys = Keys::default();
    let [a, b] = ["a", "b"].map(|k| keys.key(k));
    let update = |writes: &[coordination::Key]| Update::new("x", Access::new([], writes.to_vec()));
    for wounds in [false, true] {
        let admission = Admission::new(9);
        let mut admission = if wounds { admission.with_wounding() } else { admission };
        let low = admission.submit(update(&[a]), seconds(0)).unwrap();
        let other = admission.submit(update(&[b]), seconds(0)).unwrap();
        let equal = admission.submit(update(&[a]), seconds(1)).unwrap();
        assert_eq!(granted(&mut admission), [low, other], "the earlier of equals is not wounded");
        let urgent = admission.submit(update(&[a, b]).with_priority(1), seconds(2)).unwrap();
        let wounded: Vec<_> = if wounds { vec![low, other] } else { Vec::new() };
        let expected = wounded.iter().map(|t| Notice::Stop { ticket: *t, why: Stop::Wounded(urgent) });
        assert_eq!(notices(&mut admission), expected.collect::<Vec<_>>());
        assert!(admission.cancel(other, seconds(3)) && admission.cancel(low, seconds(3)));
        assert_eq!(granted(&mut admission), [urgent]);
        admission.finish(urgent, true, seconds(4)).unwrap();
        assert_eq!(granted(&mut admission), [equal]);
    }
}
