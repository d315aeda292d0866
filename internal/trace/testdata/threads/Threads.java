import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.CountDownLatch;

/** Eight threads that make, rename and remove files at the same time, each in a folder of its own. */
public class Threads {
    public static void main(String[] args) throws Exception {
        int rounds = Integer.parseInt(args[0]);
        CountDownLatch go = new CountDownLatch(1);
        Thread[] threads = new Thread[8];
        for (int i = 0; i < threads.length; i++) {
            Path dir = Path.of("/tmp/t" + i);
            threads[i] = new Thread(() -> {
                try {
                    go.await();
                    Files.createDirectory(dir);
                    for (int j = 0; j < 4 * rounds; j++) {
                        Path name = dir.resolve("f" + j % 4), done = dir.resolve("done" + j % 4);
                        Files.write(name, new byte[] {'x'});
                        Files.move(name, done, StandardCopyOption.ATOMIC_MOVE);
                        Files.delete(done);
                    }
                } catch (Exception e) {
                    e.printStackTrace();
                    System.exit(9);
                }
            }, "worker-" + i);
            threads[i].start();
        }
        go.countDown();
        for (Thread t : threads) {
            t.join();
        }
    }
}
