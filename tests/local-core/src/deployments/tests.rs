//! Tests of the queue.

use super::*;

#[tokio::test]
async fn what_cannot_be_stored_is_no_deployment() {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(State::open(folder.path()).unwrap());
    let deployments = Deployments::load(Arc::clone(&state));
    let create = || {
        let request = CreateLocalDeploymentRequest::default();
        deployments.create(request, Document::default(), Timestamp::from_secs(1))
    };
    let id = create().await.unwrap();
    state.close();
    create().await.unwrap_err();
    let known: Vec<_> = deployments.records().into_iter().map(|it| it.id).collect();
    assert_eq!(known, [&*id]);
    assert_eq!(deployments.lock().waiting.len(), 1);
}

#[tokio::test]
async fn the_order_of_the_requests_is_that_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Deployments::load(Arc::new(State::open(folder.path()).unwrap()));
    let deployments = open();
    let mut ids = Vec::new();
    for time in [2, 2, 2, 2, 2, 2, 1] {
        let request = CreateLocalDeploymentRequest::default();
        let created = deployments.create(request, Document::default(), Timestamp::from_secs(time));
        ids.push(created.await.unwrap());
    }
    deployments.state.close();
    drop(deployments);
    let waiting: Vec<_> = open().lock().waiting.iter().map(|it| it.id.clone()).collect();
    assert_eq!(waiting, ids);
}

#[tokio::test]
async fn a_deployment_that_has_ended_cannot_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(State::open(folder.path()).unwrap());
    let deployments = Deployments::load(state);
    let request = CreateLocalDeploymentRequest::default();
    let created = deployments.create(request, Document::default(), Timestamp::from_secs(1));
    let id = created.await.unwrap();
    let job = deployments.lock().waiting.pop_front().unwrap();
    deployments.lock().running = Some(Running { id: job.id, cancel: Arc::default() });
    assert_eq!(deployments.cancel(&id).await.unwrap(), Cancelled::Submitted);
    tokio::select! {
        biased;
        () = deployments.show(&id, Status::Succeeded, None) => {}
        // Its end is not stored yet.
        () = std::future::ready(()) => {}
    }
    assert_eq!(deployments.cancel(&id).await.unwrap(), Cancelled::Finished);
}

#[test]
fn a_request_that_cannot_be_read_any_more_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let request =
        CreateLocalDeploymentRequest::builder().recipe_directory_path("\0").build().unwrap();
    let record = Record {
        id: "x".to_owned(),
        status: Status::InProgress,
        number: 0,
        created_on: String::new(),
        time: 0,
        details: None,
        request: Some(request),
    };
    drop(state.commit(vec![change("x", Some(&record))]));
    drop(state);
    let state = Arc::new(State::open(folder.path()).unwrap());
    let record = Deployments::load(state).record("x").unwrap();
    assert_eq!((record.status, record.request), (Status::Failed, None));
}

#[test]
fn dates_have_the_form_of_the_nucleus() {
    assert_eq!(date(&Timestamp::from_secs(951_782_400)), "29-02-2000 00:00:00 UTC");
}
