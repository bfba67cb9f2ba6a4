import asyncio, json, os, sys
import nats

async def main(game_id: str) -> int:
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    request = {"game_id": game_id, "settings": {"resource_level": "high"}}
    # The allocator replies within what Timeout-Ms says, success or not.
    message = await nc.request(
        "game.assign.request", json.dumps(request).encode(), timeout=1, headers={"Timeout-Ms": "1000"}
    )
    reply = json.loads(message.data)
    if reply["success"]:
        print(f"{game_id} runs on {reply['instance_id']}:{reply['port']}")
    else:
        print(f"{reply['code']}: {reply['message']}", file=sys.stderr)
    await nc.request("game.release.request", json.dumps({"game_id": game_id}).encode())
    await nc.close()
    return 0 if reply["success"] else 1

sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "my-game")))
