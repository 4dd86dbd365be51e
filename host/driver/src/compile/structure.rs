//! What the graph means to the engine: convolutions whose outputs are written, pooled or summed
//! on their way out of the array, and the feature maps that lie in the feature buffer.

use super::CompileError;
use firebrick_network::{Conv, Network, NodeId, Op, Pool, Shape};

/// Kernels of the window unit.
const WINDOW_KERNELS: [usize; 2] = [3, 7];

/// Where a convolution or an addition reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The picture, through the window unit.
    Picture,
    /// A map of [`Structure::maps`].
    Map(usize),
    /// Two such maps of one shape, to be added.
    Pair([usize; 2]),
    /// Two such maps of one size, whose channels follow each other.
    Join([usize; 2]),
}

impl Source {
    /// The maps that are read.
    pub fn maps(&self) -> &[usize] {
        match self {
            Source::Picture => &[],
            Source::Map(map) => std::slice::from_ref(map),
            Source::Pair(maps) | Source::Join(maps) => maps,
        }
    }
}

/// Where the output of a convolution or an addition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// Into a map of [`Structure::maps`].
    Map(usize),
    /// Into the logits.
    Sum,
}

/// A convolution, or an addition, which the array computes as a 1x1 convolution over both maps;
/// and what is fused with it.
#[derive(Clone, Debug)]
pub(crate) struct ConvPlan {
    /// Index of its node.
    pub node: usize,
    pub source: Source,
    pub sink: Sink,
    /// The max-pool it goes through.
    pub pool: Option<Pool>,
    /// What the engine computes: the shape before the pool, without [`ConvPlan::border`].
    pub shape: Shape,
    /// Padding of a 1x1 convolution: pixels around the map that see zeros only. They are
    /// constant, and the host adds them.
    pub border: usize,
    /// Height and width after the pool.
    pub pooled: (usize, usize),
    /// Channels in the map before this convolution's first.
    pub offset: usize,
}

/// A feature map in the feature buffer: what convolutions and sums read.
#[derive(Clone, Debug)]
pub(crate) struct MapPlan {
    /// Index of the node that it is the value of.
    pub node: usize,
    pub height: usize,
    pub width: usize,
    /// Stages that write and read it.
    pub first_stage: usize,
    pub last_write: usize,
    pub first_read: usize,
    pub last_read: usize,
}

/// The whole network, in terms of the engine.
#[derive(Clone, Debug)]
pub(crate) struct Structure {
    /// Convolutions and additions, in the order of the nodes.
    pub convs: Vec<ConvPlan>,
    pub maps: Vec<MapPlan>,
    /// Convolutions that read the same map and write the same map, in order of execution.
    pub stages: Vec<Vec<usize>>,
}

/// A convolution or an addition as part of a value, with the pool between them.
#[derive(Clone, Copy)]
struct Leaf {
    conv: usize,
    pool: Option<Pool>,
}

fn refuse(network: &Network, node: usize, what: impl Into<String>, hint: &str) -> CompileError {
    CompileError::Structure {
        node: network.nodes[node].name.clone(),
        what: what.into(),
        hint: hint.to_owned(),
    }
}

/// The convolution of a node that is known to be one.
pub(crate) fn conv_of(network: &Network, node: usize) -> Option<&Conv> {
    match &network.nodes.get(node)?.op {
        Op::Conv(conv) => Some(conv),
        _ => None,
    }
}

/// The convolutions and additions that make up a node's value, in channel order.
fn leaves(network: &Network, node: usize, reader: usize) -> Result<Vec<Leaf>, CompileError> {
    match &network.nodes[node].op {
        Op::Conv(_) | Op::Add => Ok(vec![Leaf {
            conv: node,
            pool: None,
        }]),
        Op::MaxPool(pool) => {
            let [input] = network.nodes[node].inputs[..] else {
                return Err(refuse(network, node, "takes one input", "give it one"));
            };
            if input == NodeId::INPUT {
                return Err(refuse(
                    network,
                    node,
                    "pools the picture itself",
                    "the engine pools what a convolution puts out; begin with a convolution",
                ));
            }
            let mut parts = leaves(network, input.0, node)?;
            if parts.iter().any(|leaf| leaf.pool.is_some()) {
                return Err(refuse(
                    network,
                    node,
                    "pools a value that has been pooled already",
                    "put a convolution between the two pools",
                ));
            }
            parts.iter_mut().for_each(|leaf| leaf.pool = Some(*pool));
            Ok(parts)
        }
        Op::Concat => {
            let mut all = Vec::new();
            for &input in &network.nodes[node].inputs {
                if input == NodeId::INPUT {
                    return Err(refuse(
                        network,
                        node,
                        "concatenates the picture itself",
                        "concatenate outputs of convolutions",
                    ));
                }
                all.extend(leaves(network, input.0, node)?);
                if all.len() > network.nodes.len() {
                    return Err(twice(network, node));
                }
            }
            Ok(all)
        }
        Op::Global => Err(refuse(
            network,
            node,
            format!("is read by node {:?}", network.nodes[reader].name),
            "the global sum has to be the last node: its sums leave the engine",
        )),
    }
}

/// The two maps of a concatenation that need not lie together: at least one of them has other readers
/// as well, such as the input of a module with a bypass.
fn joined(network: &Network, node: usize) -> Option<[usize; 2]> {
    let concat = &network.nodes[node];
    let (Op::Concat, &[a, b]) = (&concat.op, &concat.inputs[..]) else {
        return None;
    };
    let read_by = |id: NodeId| network.nodes.iter().filter(move |n| n.inputs.contains(&id));
    let shared = [a, b].iter().any(|&id| read_by(id).count() > 1);
    (shared && a != b && ![a, b].contains(&NodeId::INPUT)).then_some([a.0, b.0])
}

fn twice(network: &Network, node: usize) -> CompileError {
    refuse(
        network,
        node,
        "contains a convolution or an addition twice",
        "each output lies in the feature buffer once; name it once",
    )
}

fn check_conv(network: &Network, node: usize, conv: &Conv) -> Result<(), CompileError> {
    if conv.out_channels() == 0 || conv.in_channels() == 0 {
        return Err(refuse(
            network,
            node,
            "has no channels",
            "give it at least one",
        ));
    }
    let (_, rows, columns, _) = conv.weights.dim();
    if (rows, columns) != (conv.kernel, conv.kernel) {
        return Err(refuse(
            network,
            node,
            format!(
                "is {k}x{k} but has {rows}x{columns} weights",
                k = conv.kernel
            ),
            "kernels are square",
        ));
    }
    if conv.requant.len() != conv.out_channels() || conv.requant.iter().any(|r| !r.is_valid()) {
        return Err(refuse(
            network,
            node,
            "has missing or invalid requantisation parameters",
            "give one to each output channel, mult in 1..=32767 and shift in 1..=48",
        ));
    }
    Ok(())
}

impl Structure {
    /// Recognises a network. `shapes` are [`Network::shapes`].
    pub fn of(
        network: &Network,
        shapes: &[Shape],
        window_kernel: usize,
    ) -> Result<Structure, CompileError> {
        let last = network.nodes.len().checked_sub(1);
        let Some(last) = last.filter(|&i| matches!(network.nodes[i].op, Op::Global)) else {
            return Err(CompileError::Structure {
                node: network
                    .nodes
                    .last()
                    .map(|n| n.name.clone())
                    .unwrap_or_default(),
                what: "the last node is no global sum".into(),
                hint: "end the network with the sum of the classes' maps".into(),
            });
        };
        let mut plan = Structure {
            convs: Vec::new(),
            maps: Vec::new(),
            stages: Vec::new(),
        };
        // By node: the index of its convolution or addition.
        let mut conv_at = vec![None; network.nodes.len()];
        for (node, shape) in shapes.iter().enumerate() {
            let border = match &network.nodes[node].op {
                Op::Conv(conv) => {
                    check_conv(network, node, conv)?;
                    if conv.kernel == 1 { conv.pad } else { 0 }
                }
                Op::Add => 0,
                Op::MaxPool(_) | Op::Concat | Op::Global => continue,
            };
            conv_at[node] = Some(plan.convs.len());
            let shape = Shape {
                height: shape.height.saturating_sub(2 * border),
                width: shape.width.saturating_sub(2 * border),
                ..*shape
            };
            plan.convs.push(ConvPlan {
                node,
                source: Source::Picture,
                sink: Sink::Sum,
                pool: None,
                shape,
                border,
                pooled: (shape.height, shape.width),
                offset: 0,
            });
        }
        let mut sunk = vec![false; plan.convs.len()];
        let mut pictures = 0;
        for reader in 0..network.nodes.len() {
            let input = network.nodes[reader].inputs[0];
            match &network.nodes[reader].op {
                Op::Conv(conv) => {
                    let index = conv_at[reader].unwrap_or_default();
                    if input == NodeId::INPUT {
                        pictures += 1;
                        check_first(network, reader, conv, window_kernel, pictures)?;
                        continue;
                    }
                    check_inner(network, reader, conv)?;
                    let mut map =
                        |node| plan.map(network, shapes, node, reader, &conv_at, &mut sunk);
                    let source = match joined(network, input.0) {
                        Some([a, b]) => Source::Join([map(a)?, map(b)?]),
                        None => Source::Map(map(input.0)?),
                    };
                    plan.convs[index].source = source;
                }
                Op::Add => {
                    let mut maps = [0; 2];
                    for (map, &input) in maps.iter_mut().zip(&network.nodes[reader].inputs) {
                        if input == NodeId::INPUT {
                            return Err(refuse(
                                network,
                                reader,
                                "adds the picture itself",
                                "add outputs of convolutions",
                            ));
                        }
                        *map = plan.map(network, shapes, input.0, reader, &conv_at, &mut sunk)?;
                    }
                    plan.convs[conv_at[reader].unwrap_or_default()].source = Source::Pair(maps);
                }
                Op::Global if reader != last => {
                    return Err(refuse(
                        network,
                        reader,
                        "is not the last node",
                        "the global sum has to be the last node",
                    ));
                }
                Op::Global => {
                    let conv = (input != NodeId::INPUT).then(|| conv_at[input.0]).flatten();
                    let Some(conv) = conv.filter(|&c| !sunk[c]) else {
                        return Err(refuse(
                            network,
                            reader,
                            "does not sum the output of one convolution or addition of its own",
                            "feed it from one that nothing else reads",
                        ));
                    };
                    sunk[conv] = true;
                    if plan.convs[conv].source == Source::Picture {
                        return Err(refuse(
                            network,
                            reader,
                            "sums the first convolution",
                            "put a second convolution between the first and the sum",
                        ));
                    }
                }
                _ => {}
            }
        }
        if let Some(unread) = sunk.iter().position(|s| !s) {
            return Err(refuse(
                network,
                plan.convs[unread].node,
                "nothing reads its output",
                "remove it",
            ));
        }
        if pictures == 0 {
            return Err(refuse(
                network,
                0,
                "no convolution reads the picture",
                "begin the network with a convolution of the input",
            ));
        }
        if let Some(conv) = plan
            .convs
            .iter()
            .find(|conv| conv.border > 0 && conv.sink != Sink::Sum)
        {
            return Err(refuse(
                network,
                conv.node,
                format!("is 1x1 with padding {}", conv.border),
                "only the last convolution, whose outputs are summed, may be 1x1 with padding",
            ));
        }
        plan.make_stages(network)?;
        Ok(plan)
    }

    /// The map that is the value of `node`, made on first use.
    fn map(
        &mut self,
        network: &Network,
        shapes: &[Shape],
        node: usize,
        reader: usize,
        conv_at: &[Option<usize>],
        sunk: &mut [bool],
    ) -> Result<usize, CompileError> {
        if let Some(found) = self.maps.iter().position(|map| map.node == node) {
            return Ok(found);
        }
        let index = self.maps.len();
        let shape = shapes[node];
        let mut offset = 0;
        let mut members = Vec::new();
        for leaf in leaves(network, node, reader)? {
            let Some(conv) = conv_at[leaf.conv] else {
                continue;
            };
            if members.contains(&conv) {
                return Err(twice(network, node));
            }
            if std::mem::replace(&mut sunk[conv], true) {
                return Err(refuse(
                    network,
                    leaf.conv,
                    "its output is used in two different ways",
                    "let all readers take the same pool or concatenation of it",
                ));
            }
            let plan = &mut self.convs[conv];
            plan.pool = leaf.pool;
            plan.pooled = (shape.height, shape.width);
            plan.sink = Sink::Map(index);
            plan.offset = offset;
            offset += plan.shape.channels;
            members.push(conv);
        }
        self.maps.push(MapPlan {
            node,
            height: shape.height,
            width: shape.width,
            first_stage: usize::MAX,
            last_write: 0,
            first_read: usize::MAX,
            last_read: 0,
        });
        Ok(index)
    }

    /// Groups convolutions that read the same map (or additions of the same maps) and write the
    /// same map, keeping the order of the nodes, and notes when maps live.
    fn make_stages(&mut self, network: &Network) -> Result<(), CompileError> {
        let same = |a: &ConvPlan, b: &ConvPlan| {
            a.source == b.source && a.sink == b.sink && a.sink != Sink::Sum
        };
        for (index, conv) in self.convs.iter().enumerate() {
            let stage = self
                .stages
                .iter_mut()
                .find(|stage| same(&self.convs[stage[0]], conv));
            match stage {
                Some(stage) => stage.push(index),
                None => self.stages.push(vec![index]),
            }
        }
        for (number, stage) in self.stages.iter().enumerate() {
            for &conv in stage {
                if let Sink::Map(map) = self.convs[conv].sink {
                    let map = &mut self.maps[map];
                    map.first_stage = map.first_stage.min(number);
                    map.last_write = map.last_write.max(number);
                }
                for &map in self.convs[conv].source.maps() {
                    let map = &mut self.maps[map];
                    map.first_read = map.first_read.min(number);
                    map.last_read = map.last_read.max(number);
                }
            }
        }
        for stage in &self.stages {
            let conv = &self.convs[stage[0]];
            if conv.source == Source::Picture && stage[0] != self.stages[0][0] {
                return Err(refuse(
                    network,
                    conv.node,
                    "reads the picture after other convolutions have begun",
                    "make it the first node",
                ));
            }
        }
        Ok(())
    }
}

fn check_first(
    network: &Network,
    node: usize,
    conv: &Conv,
    window_kernel: usize,
    pictures: usize,
) -> Result<(), CompileError> {
    if pictures > 1 {
        return Err(refuse(
            network,
            node,
            "a second convolution reads the picture",
            "the picture passes through the window unit once; let one convolution read it",
        ));
    }
    let kernels: Vec<usize> = WINDOW_KERNELS
        .into_iter()
        .filter(|&kernel| kernel <= window_kernel)
        .collect();
    if !kernels.contains(&conv.kernel) || conv.pad != 0 || !(1..=2).contains(&conv.stride) {
        let sizes: Vec<String> = kernels.iter().map(|k| format!("{k}x{k}")).collect();
        return Err(refuse(
            network,
            node,
            format!(
                "the picture's convolution is {k}x{k} with stride {} and padding {}",
                conv.stride,
                conv.pad,
                k = conv.kernel
            ),
            &format!(
                "the window unit of this configuration takes {} with stride 1 or 2 and no padding",
                sizes.join(" and ")
            ),
        ));
    }
    Ok(())
}

fn check_inner(network: &Network, node: usize, conv: &Conv) -> Result<(), CompileError> {
    match (conv.kernel, conv.stride, conv.pad) {
        (1, 1, _) | (3, 1, 1) => Ok(()),
        (k, stride, pad) => Err(refuse(
            network,
            node,
            format!("is {k}x{k} with stride {stride} and padding {pad}"),
            "after the first, the engine has 1x1 convolutions without padding (with padding only \
             where the classes are summed) and 3x3 with padding 1, both of stride 1",
        )),
    }
}
