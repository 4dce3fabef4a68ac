//! Requests to a service that answers each a fixed time after it came: whoever has more of them in
//! flight is done sooner. Each response is decoded and its value aggregated by the class of its key.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engines::{Engine, Keyed, Pipeline, Stage};
use rand_chacha::rand_core::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinSet;

use crate::answer::Summary;
use crate::service::{self, Connection, Kind, Lookup, RESPONSE_BYTES, request};
use crate::{Answer, Error, Need, Needs, Setting, Size, Workload, generate, summaries};

/// Requests that the idiomatic baseline has in flight at most, each on a connection of its own.
const IN_FLIGHT: usize = 1000;

/// Asks the service for the values of random keys. The idiomatic baseline keeps its connections from run
/// to run, as an engine may do; the eager one opens its own within the run.
#[derive(Debug, Default)]
pub struct Requests {
    client: Mutex<Option<Client>>,
}

/// What a program has that asks a service all the time: a runtime and connections that are ready.
#[derive(Debug)]
struct Client {
    idle: Pool,
    service: SocketAddr,
    // After the connections, which are to be closed while it is still there.
    runtime: Runtime,
}

type Pool = Arc<Mutex<Vec<TcpStream>>>;

/// Keys to ask for, and the service.
#[derive(Debug)]
pub struct Keys {
    keys: Arc<[u64]>,
    service: SocketAddr,
}

fn items(size: Size) -> usize {
    match size {
        Size::Tiny => 20,
        Size::Quick => 50,
        Size::Default => 250,
        Size::Large => 10_000,
    }
}

impl Workload for Requests {
    const NAME: &'static str = "io-bound/requests";
    const ABOUT: &'static str = "Asks a service for values and aggregates them by class; the idiomatic baseline has up \
         to 1,000 tokio tasks, and connections that it keeps from run to run";
    const SERVICE: bool = true;

    type Input = Keys;

    fn items(&self, size: Size) -> u64 {
        items(size) as u64
    }

    fn bytes(&self, size: Size) -> u64 {
        (items(size) * RESPONSE_BYTES) as u64
    }

    // All requests may be in flight at once, so that one latency is waited for.
    fn needs(&self, size: Size) -> Needs {
        Needs {
            working_set: self.bytes(size),
            amounts: vec![(Need::Messages, self.items(size)), (Need::Waits, 1)],
        }
    }

    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Keys, Error> {
        let service = setting.service.ok_or("there is no service to ask")?;
        // Contenders open up to a thousand connections.
        service::raise_file_limit();
        let mut random = generate::random(Self::NAME, seed);
        let keys = (0..setting.items(self.items(setting.size))).map(|_| random.next_u64());
        Ok(Keys {
            keys: keys.collect(),
            service,
        })
    }

    fn reference(&self, input: &Keys) -> Answer {
        let mut table: HashMap<String, Summary> = HashMap::new();
        for key in input.keys.iter() {
            let class = service::class_of(*key).map(char::from);
            let summary = table.entry(class.iter().collect()).or_default();
            summary.merge(Summary::one(service::value_of(*key)));
        }
        Answer::Table(table)
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Keys) -> Result<Answer, Error> {
        let requests = engines::Requests::to(input.service, &Lookup, &input.keys);
        let groups = engine.run(requests, &pipeline(), summaries())?;
        Ok(Answer::Groups(groups))
    }

    fn eager(&self, input: &mut Keys) -> Result<Answer, Error> {
        let mut connection = Connection::open(input.service)?;
        let responses: Vec<Vec<u8>> = input
            .keys
            .iter()
            .map(|key| connection.look_up(*key))
            .collect::<io::Result<_>>()?;
        let decoded: Vec<(String, i64)> = responses
            .iter()
            .map(|body| decode(body))
            .collect::<io::Result<_>>()?;
        Ok(Answer::Table(aggregate(decoded)))
    }

    fn idiomatic(&self, input: &mut Keys) -> Result<Answer, Error> {
        // A run that panicked leaves nothing half-done that the next one could see.
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match &mut *client {
            Some(client) if client.service == input.service => client,
            other => other.insert(Client {
                idle: Pool::default(),
                service: input.service,
                runtime: runtime::Builder::new_multi_thread().enable_io().build()?,
            }),
        };
        let asking = ask_all(input.service, input.keys.clone(), client.idle.clone());
        let decoded = client.runtime.block_on(asking)?;
        Ok(Answer::Table(aggregate(decoded)))
    }
}

fn aggregate(decoded: Vec<(String, i64)>) -> HashMap<String, Summary> {
    let mut table: HashMap<String, Summary> = HashMap::new();
    for (class, value) in decoded {
        table.entry(class).or_default().add(value);
    }
    table
}

fn decode(body: &[u8]) -> io::Result<(String, i64)> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let (value, class) = body.split_first_chunk::<8>().ok_or_else(invalid)?;
    let class = String::from_utf8(class.to_vec()).map_err(|_| invalid())?;
    Ok((class, i64::from_le_bytes(*value)))
}

/// As many tasks as requests may be in flight; each takes the next key when it has its answer.
async fn ask_all(
    service: SocketAddr,
    keys: Arc<[u64]>,
    idle: Pool,
) -> io::Result<Vec<(String, i64)>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..keys.len().min(IN_FLIGHT) {
        tasks.spawn(ask(service, keys.clone(), next.clone(), idle.clone()));
    }
    let mut decoded = Vec::with_capacity(keys.len());
    while let Some(answers) = tasks.join_next().await {
        decoded.append(&mut answers??);
    }
    Ok(decoded)
}

async fn ask(
    service: SocketAddr,
    keys: Arc<[u64]>,
    next: Arc<AtomicUsize>,
    idle: Pool,
) -> io::Result<Vec<(String, i64)>> {
    let ready = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut stream = match ready {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(service).await?;
            stream.set_nodelay(true)?;
            stream
        }
    };
    let mut answers = Vec::new();
    let mut response = [0; RESPONSE_BYTES];
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(key) = keys.get(at) else {
            // Only here: a connection on which something failed is not kept.
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(stream);
            return Ok(answers);
        };
        stream
            .write_all(&request(at as u32, Kind::Lookup, *key))
            .await?;
        // One request is under way on this connection, so that the next bytes are its response.
        stream.read_exact(&mut response).await?;
        answers.push(decode(&response[8..])?);
    }
}

fn pipeline() -> Pipeline<Keyed<usize>, impl Stage<Keyed<usize>, Out = Keyed<i64>> + Sync> {
    Pipeline::responses().bodies().keyed(service::body)
}
